"""An account's settings (F53): how it collects."""

from datetime import datetime
from typing import Any, Literal

import falcon

from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from runtime.clock import real_now, rfc3339
from web.accounts.accounts import find_account
from web.http.auth import caller_of
from web.http.body import Body, check, read_json
from web.openapi.openapi import Shown, documented

Collection = Literal["link", "in_call"]
Frequency = Literal["daily", "every_3_days", "weekly", "every_2_weeks"]
Calling = Literal["manual", "automatic"]
Timing = Literal["immediate", "follow_up"]
StaffEntry = Literal["form", "link_only"]


class SettingsChange(Body):
    """The settings that may change; omitted ones stay."""

    payment_collection: Collection | None = None
    call_frequency: Frequency | None = None
    calling: Calling | None = None
    payment_timing: Timing | None = None
    staff_entry: StaffEntry | None = None


class SettingsShown(Shown):
    """How the account collects money."""

    payment_collection: Collection
    call_frequency: Frequency
    calling: Calling
    payment_timing: Timing
    staff_entry: StaffEntry
    updated_at: datetime | None


class Settings:
    """`/api/accounts/{account_id}/settings`"""

    @documented("Accounts", {200: SettingsShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """The account's settings, or the defaults."""
        resp.media = show_settings(
            AccountSettings.get_or_none(AccountSettings.account == find_account(req, account_id).id)
        )

    @documented("Accounts", {200: SettingsShown}, body=SettingsChange)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Change the settings in the body; each change is audited."""
        account, wanted = find_account(req, account_id), check(SettingsChange, read_json(req))
        choices = wanted.model_dump(exclude_none=True)
        row = AccountSettings.get_or_none(AccountSettings.account == account.id)
        if choices:
            with transaction():
                row = AccountSettings.choose(account, choices, real_now())
                AuditEntry.record(
                    caller_of(req).actor,
                    "settings.changed",
                    f"account:{account.id}",
                    account.id,
                    **choices,
                )
        resp.media = show_settings(row)


def show_settings(row: AccountSettings | None) -> dict[str, Any]:
    """An account's settings; the defaults when nothing was chosen yet."""
    chosen = row or AccountSettings()
    return {
        "paymentCollection": chosen.payment_collection,
        "callFrequency": chosen.call_frequency,
        "calling": chosen.calling,
        "paymentTiming": chosen.payment_timing,
        "staffEntry": chosen.staff_entry,
        "updatedAt": rfc3339(row.updated_at) if row else None,
    }
