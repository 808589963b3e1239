"""An account's own Twilio sender.

If each account has its own, a STOP to one clinic does not stop another's texts.
"""

from datetime import datetime

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.transactions import execute
from runtime.settings import get_settings


class AccountSender(Row):
    """The sender of one account: a messaging service or a number of its own.

    `registration` is its status with the carriers, such as approved or pending; null if unknown.
    `updated_at` is when the account got this sender.
    """

    account_id: str
    account = ForeignKey(Account, primary_key=True, on_delete="CASCADE")
    provider = TextField(default="twilio")
    messaging_service_sid = TextField(null=True, index=True)
    from_number = TextField(null=True, index=True)
    registration = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    @classmethod
    def in_order(cls, after: str, limit: int) -> list[str]:
        """Up to `limit` distinct senders of accounts, sorted, after `after`."""
        sender = "COALESCE(messaging_service_sid, from_number)"
        rows = execute(
            f"SELECT DISTINCT {sender} FROM account_sender WHERE {sender} > ? ORDER BY 1 LIMIT ?",
            (after, limit),
        ).fetchall()
        return [str(found) for (found,) in rows]

    @classmethod
    def assign(
        cls,
        account: Account,
        messaging_service_sid: str | None,
        from_number: str | None,
        now: datetime,
        registration: str | None = None,
    ) -> "AccountSender":
        """Set the account's sender, replacing the previous one. Setting the same one again does not
        change since when the account has it.
        """
        sender = {"messaging_service_sid": messaging_service_sid, "from_number": from_number}
        known = cls.one("account_id = ?", account.id)
        since = now
        if known and (known.messaging_service_sid, known.from_number) == tuple(sender.values()):
            since = known.updated_at
        values = {
            **sender,
            "registration": registration,
            "updated_at": since,
        }
        cls.insert(account=account.id, created_at=now, **values).on_conflict(
            conflict_target=[cls.account], update=values
        ).execute()
        row: AccountSender = cls.get(cls.account == account.id)
        return row


def sender_of(account_id: str) -> dict[str, str]:
    """Twilio's parameters for the sender: the account's own, else the installation's, else none."""
    own = AccountSender.one("account_id = ?", account_id)
    if own is not None and own.messaging_service_sid:
        return {"MessagingServiceSid": own.messaging_service_sid}
    if own is not None and own.from_number:
        return {"From": own.from_number}
    shared = get_settings().twilio_messaging_service_sid
    return {"MessagingServiceSid": shared} if shared else {}


def accounts_of_sender(
    messaging_service_sid: str, number: str, by: datetime | None = None
) -> list[str]:
    """The accounts whose own sender this is; with `by`, only those that had it by that time."""
    same = AccountSender.from_number == number
    if messaging_service_sid:
        same |= AccountSender.messaging_service_sid == messaging_service_sid
    rows = AccountSender.select().where(same)
    return [row.account_id for row in rows if by is None or row.updated_at <= by]
