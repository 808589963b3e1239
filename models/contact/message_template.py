"""An account's own templates for texts; without a row the built-in one applies."""

from datetime import datetime

from peewee import BigAutoField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from rules.contact.templates import DEFAULTS, language_of


class MessageTemplate(Row):
    """The template of one account, in one language, for one kind of text."""

    account_id: str
    id = BigAutoField()
    account = ForeignKey(Account, on_delete="CASCADE")
    language = TextField()
    kind = TextField()
    body = TextField()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "language", "kind"), True),)

    @classmethod
    def write(cls, account_id: str, language: str, kind: str, body: str, now: datetime) -> None:
        """Store the account's template."""
        target = [cls.account, cls.language, cls.kind]
        values = {"body": body, "updated_at": now}
        cls.insert(account=account_id, language=language, kind=kind, **values).on_conflict(
            conflict_target=target, update=values
        ).execute()

    @classmethod
    def forget(cls, account_id: str, language: str, kind: str) -> bool:
        """Delete the account's template, and return whether there was one."""
        return bool(
            cls.delete()
            .where(cls.account == account_id, cls.language == language, cls.kind == kind)
            .execute()
        )


def template_for(account_id: str, kind: str, language: str | None) -> tuple[str, str]:
    """The template and its language: the account's own in this language, else the built-in one."""
    chosen = language_of(language)
    where = "account_id = ? AND language = ? AND kind = ?"
    own = MessageTemplate.one(where, account_id, chosen, kind)
    return (own.body if own is not None else DEFAULTS[kind, chosen]), chosen
