"""How an account collects money (F53): by link or during a call, how often it calls, whether calls
start automatically, what staff can do.
"""

from datetime import datetime
from typing import Any

from peewee import SQL, BooleanField, IntegerField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row


class AccountSettings(Row):
    """The choices of one account; an account without a row has the defaults.

    `payment_collection`: link, in_call · `call_frequency`: daily, every_3_days, weekly,
    every_2_weeks · `calling`: manual, automatic · `payment_timing`: immediate, follow_up ·
    `staff_entry`: form, link_only · `party`: first, its own debts; third, other people's ·
    `quiet_days`: days without contact: sunday, 12-25, 2026-11-26 · `ladder`: the rungs, as
    `rules.contact.ladder.Rung` has them, None: the default · `first_contacts`: draft, what the
    ladder would send waits for approval; automatic · `opening_hours`: see
    `rules/integrations/opening_hours.py`; {} for the default hours · `keypad_payments`: whether
    cards may be entered on the keypad during a call · `send_project`: whether an invoice's project
    is a mere reference, which may be passed to Stripe and callers · `consent_days`: how long a
    consent is relied on; 0: for ever · `number_check_days`: how long an answer of the lookup of
    reassigned numbers, or a consent, is relied on before a new lookup; 0: no lookups.
    """

    account_id: str
    account = ForeignKey(Account, primary_key=True, on_delete="CASCADE")
    payment_collection = TextField(default="link")
    call_frequency = TextField(default="weekly")
    calling = TextField(default="manual")
    payment_timing = TextField(default="immediate")
    staff_entry = TextField(default="form")
    party = TextField(default="first", constraints=[SQL("DEFAULT 'first'")])
    quiet_days = JSONField(default=list, constraints=[SQL("DEFAULT '[]'")])
    ladder = JSONField(null=True)
    first_contacts = TextField(default="draft", constraints=[SQL("DEFAULT 'draft'")])
    opening_hours = JSONField(default=dict, constraints=[SQL("DEFAULT '{}'")])
    keypad_payments = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    send_project = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    consent_days = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    number_check_days = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    updated_at = Instant()

    @classmethod
    def of_account(cls, account_id: str) -> "AccountSettings":
        """The account's settings, or the defaults if it has chosen nothing yet."""
        return cls.one("account_id = ?", account_id) or cls(account=account_id)

    @classmethod
    def change(cls, account: Account, choices: dict[str, Any], now: datetime) -> "AccountSettings":
        """Change the given settings and keep the others."""
        values = choices | {"updated_at": now}
        cls.insert(account=account, **values).on_conflict(
            conflict_target=[cls.account], update=values
        ).execute()
        row: AccountSettings = cls.get_by_id(account.id)
        return row
