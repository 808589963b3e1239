"""An account's settings (F53): how it collects."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

import falcon
from pydantic import AfterValidator, Field

from actions.accounts.accounts import change_settings
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from rules.contact.gate import is_quiet_day
from rules.contact.ladder import LAST_DAY, MOST_RUNGS, Rung, ladder_errors, read_ladder
from rules.integrations.opening_hours import USUAL, Hours, hours_error
from web.accounts.accounts import account_of
from web.accounts.responses import (
    Calling,
    Collection,
    FirstContacts,
    Frequency,
    Party,
    RungShown,
    SettingsShown,
    StaffEntry,
    Timing,
    Way,
)
from web.http.body import Body, check, read_json
from web.http.guards.auth import caller_of
from web.openapi.openapi import documented


def _quiet_day(text: str) -> str:
    if not is_quiet_day(text):
        raise ValueError(
            "is not a day; a weekday such as sunday, a day of each year such as 12-25, or a date"
            " such as 2026-11-26 is accepted; correct it"
        )
    return text


def _opening_hours(hours: Hours) -> Hours:
    wrong = hours_error(hours)
    if wrong:
        raise ValueError(f"is not a week of opening hours: {wrong}; correct it")
    return hours


MOST_CONSENT_DAYS = 3_650
MOST_CHECK_DAYS = 365
QuietDay = Annotated[str, Field(max_length=10), AfterValidator(_quiet_day)]
Periods = Annotated[list[Annotated[str, Field(max_length=11)]], Field(max_length=10)]
OpeningHours = Annotated[dict[str, Periods], AfterValidator(_opening_hours)]


class RungWanted(Body):
    """A rung: what happens `days` after the due date. A text can name its `template`. A
    `collection` goes beyond a friendly reminder; some states require a debt to be older for it.
    """

    days: Annotated[int, Field(ge=1, le=LAST_DAY)] | None = None
    channel: Way | None = None
    template: Literal["payment_link", "reminder"] | None = None
    purpose: Literal["reminder", "collection"] = "reminder"

    @property
    def rung(self) -> Rung:
        """The rung described; a text without a template gets the plain one. Raises ValueError."""
        if self.days is None or self.channel is None:
            raise ValueError("each rung needs days and channel; add what is missing")
        template = self.template or ("payment_link" if self.channel == "sms" else "")
        return Rung(self.days, self.channel, template, self.purpose)


def _ladder(wanted: list[RungWanted]) -> list[RungWanted]:
    faults = ladder_errors([one.rung for one in wanted])
    if faults:
        raise ValueError(f"is not a valid ladder: {'; '.join(faults)}; correct it")
    return wanted


Ladder = Annotated[list[RungWanted], Field(max_length=MOST_RUNGS), AfterValidator(_ladder)]


class SettingsChange(Body):
    """The settings to change; omitted ones stay. `paymentCollection` `in_call`: the assistant may
    charge a card during a call, `link`: it only texts links. The ladder's calls are at least
    `callFrequency` apart; with `calling` `automatic` the assistant makes them, with `manual` staff,
    as work items. `paymentTiming` `follow_up`: the ladder texts where it would call. `staffEntry`
    `link_only`: staff have no card form. `party`: whose debts these are, the clinic's own (`first`)
    or others' (`third`).

    `quietDays` are weekdays (`sunday`), days of each year (`12-25`) or dates (`2026-11-26`).
    `openingHours` are periods per weekday, such as `{"monday": ["09:00-12:00", "13:00-17:00"]}`; an
    omitted day is closed, and `{}` means Monday to Friday, 9 to 5. `ladder` replaces the whole
    ladder; an empty one contacts nobody. With `firstContacts` `draft`, the ladder's contacts wait
    for approval. `keypadPayments`: cards may be entered on the keypad during a call. `sendProject`:
    an invoice's `project` is only a reference, which Stripe and a verified caller may be told.
    `consentDays`: for how many days a consent is valid; 0: for ever. `numberCheckDays`: before a
    first contact, if consent and last lookup are at least that many days old, look up whether the
    number has changed hands; 0: never. Only an operator can change `party` and `numberCheckDays`.
    """

    payment_collection: Collection | None = None
    call_frequency: Frequency | None = None
    calling: Calling | None = None
    payment_timing: Timing | None = None
    staff_entry: StaffEntry | None = None
    party: Party | None = None
    quiet_days: Annotated[list[QuietDay], Field(max_length=100)] | None = None
    opening_hours: OpeningHours | None = None
    keypad_payments: bool | None = None
    send_project: bool | None = None
    consent_days: Annotated[int, Field(ge=0, le=MOST_CONSENT_DAYS)] | None = None
    number_check_days: Annotated[int, Field(ge=0, le=MOST_CHECK_DAYS)] | None = None
    ladder: Ladder | None = None
    first_contacts: FirstContacts | None = None


class Settings:
    """`/api/accounts/{account_id}/settings`"""

    @documented("Accounts", {200: SettingsShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """The account's settings, or the defaults."""
        resp.media = _shown(account_of(req, account_id))

    @documented("Accounts", {200: SettingsShown}, body=SettingsChange)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Change the settings in the body; each change is audited."""
        account, wanted = account_of(req, account_id), check(SettingsChange, read_json(req))
        if wanted.party is not None or wanted.number_check_days is not None:
            caller_of(req).need_admin()
        choices = wanted.model_dump(exclude_none=True)
        if wanted.ladder is not None:
            choices["ladder"] = [asdict(one.rung) for one in wanted.ladder]
        if choices:
            change_settings(account, choices, caller_of(req).actor)
        resp.media = _shown(account)


def _shown(account: Account) -> dict[str, Any]:
    """The account's settings, with defaults for those never chosen."""
    row = AccountSettings.of_account(account.id)
    ladder = [
        RungShown(
            days=rung.days,
            channel=rung.way,
            template=rung.template or None,
            purpose=rung.purpose,
        )
        for rung in read_ladder(row.ladder)
    ]
    return SettingsShown.show(row, opening_hours=row.opening_hours or USUAL, ladder=ladder)
