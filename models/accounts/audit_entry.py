"""The audit log: who did what to what, and when.

Rows are added, never changed or deleted. The database itself refuses UPDATE, DELETE and TRUNCATE,
by triggers. Entries are not chained by hashes, because then every writer would have to wait for the
previous one. Export them to a place that nobody here can change.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from peewee import BigAutoField, JSONField, TextField

from models.base import Instant, Row
from models.transactions import database, is_postgres
from runtime.clock import real_now

SYSTEM = "system"

_REFUSE = "audit_entry is append-only"
SQLITE_TRIGGERS = (
    (
        "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT"
        f" RAISE(ABORT, '{_REFUSE}'); END"
    ),
    (
        "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT"
        f" RAISE(ABORT, '{_REFUSE}'); END"
    ),
    # REPLACE deletes without firing the trigger above.
    (
        "CREATE TRIGGER audit_entry_no_replace BEFORE INSERT ON audit_entry WHEN EXISTS (SELECT 1"
        f" FROM audit_entry WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, '{_REFUSE}'); END"
    ),
)
POSTGRES_TRIGGERS = (
    (
        "CREATE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE"
        f" EXCEPTION '{_REFUSE}'; END $$"
    ),
    (
        "CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW"
        " EXECUTE FUNCTION audit_entry_refuse()"
    ),
    (
        "CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT"
        " EXECUTE FUNCTION audit_entry_refuse()"
    ),
)


class AuditEntry(Row):
    """One action. `actor` is `operator:<name>`, `key:<id>`, `cli:<user>`, `system`, `card_form:<who
    opened it>`, or `call:<id>` for a person on the phone. `action` is a dotted noun and verb.

    `account_id` is not a foreign key: an entry outlives its subject.
    """

    id = BigAutoField()
    at = Instant()
    account_id = TextField(null=True)
    actor = TextField()
    action = TextField()
    subject = TextField()
    detail = JSONField(default=dict)

    class Meta:
        indexes = (
            (("account_id", "id"), False),
            (("subject", "id"), False),
            (("action", "id"), False),
            (("at",), False),
        )

    @classmethod
    def create_table(cls, safe: bool = True, **options: Any) -> None:
        """Create the table with the triggers that make it append-only."""
        if safe and cls.table_exists():
            return
        super().create_table(safe, **options)
        for trigger in POSTGRES_TRIGGERS if is_postgres() else SQLITE_TRIGGERS:
            database.execute_sql(trigger)

    @classmethod
    def record(
        cls, actor: str, action: str, subject: str, account_id: str | None = None, **detail: Any
    ) -> "AuditEntry":
        """Add an entry in the caller's transaction, if there is one, so that action and entry
        commit together.

        `detail` holds ids, counts, codes, senders' numbers, sign-ins' IP addresses, and the reasons
        that operators type; never secrets or message texts.
        """
        return cls.create(
            at=real_now(),
            account_id=account_id,
            actor=actor,
            action=action,
            subject=subject,
            detail=detail,
        )

    @classmethod
    def since(cls, start: datetime | None, batch: int = 1000) -> Iterator["AuditEntry"]:
        """Yield all entries from `start` on, oldest first, reading a batch at a time."""
        last = 0
        while True:
            query = cls.select().where(cls.id > last).order_by(cls.id).limit(batch)
            rows = list(query if start is None else query.where(cls.at >= start))
            yield from rows
            if len(rows) < batch:
                return
            last = rows[-1].id
