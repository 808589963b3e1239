"""The API's answers about accounts, as models."""

from datetime import datetime
from typing import Literal

from web.http.responses import Shown

Collection = Literal["link", "in_call"]
Frequency = Literal["daily", "every_3_days", "weekly", "every_2_weeks"]
Calling = Literal["manual", "automatic"]
Timing = Literal["immediate", "follow_up"]
StaffEntry = Literal["form", "link_only"]
Party = Literal["first", "third"]
FirstContacts = Literal["draft", "automatic"]
Way = Literal["sms", "voice", "person"]


class AccountShown(Shown):
    """An account. `livemode`: whether money is real, according to our Stripe key."""

    id: str
    name: str
    time_zone: str
    stripe_account: str | None
    livemode: bool
    created_at: datetime


class AccountMade(AccountShown):
    """A new account with its first API key, which is shown only once."""

    key: str


class RungShown(Shown):
    """A rung of the ladder: what happens `days` after the due date."""

    days: int
    channel: Way
    template: str | None
    purpose: Literal["reminder", "collection"]


class SettingsShown(Shown):
    """How the account collects money: its own (`party` `first`) or others' (`third`); on
    `quietDays` it contacts nobody. `ladder`: when and how customers are contacted. `firstContacts`:
    whether the ladder's contacts wait for approval.
    """

    payment_collection: Collection
    call_frequency: Frequency
    calling: Calling
    payment_timing: Timing
    staff_entry: StaffEntry
    party: Party
    quiet_days: list[str]
    ladder: list[RungShown]
    first_contacts: FirstContacts
    opening_hours: dict[str, list[str]]
    keypad_payments: bool
    send_project: bool
    consent_days: int
    number_check_days: int
    updated_at: datetime | None
