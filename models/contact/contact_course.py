"""When the contact scan looks at a customer who owes next: one indexed column finds who is due."""

from collections.abc import Iterable
from datetime import UTC, datetime

from peewee import SQL, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.customer import Customer
from models.transactions import execute, row_lock

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
# Overdue invoices of customers who have no row here. No DISTINCT: for its sake SQLite would scan
# all invoices by another index.
UNSEEN = (
    "SELECT i.account_id, i.customer_id FROM invoice AS i"
    " WHERE i.status = 'overdue' AND NOT EXISTS (SELECT 1 FROM contact_course AS c"
    " WHERE c.customer_id = i.customer_id) LIMIT ?"
)


class ContactCourse(Row):
    """A customer's course up the ladder.

    `next_at` is when the scan looks at them next (business time), None if nothing is planned.
    `version` counts changes to the row, so that a look that began earlier does not overwrite them.

    The other columns show people what the last look found: the `channel` and time `contact_at` of
    the next contact, or the `code` and `reason` why there is none.
    """

    account_id: str
    customer_id: str
    customer = ForeignKey(Customer, primary_key=True, on_delete="CASCADE")
    account = ForeignKey(Account, on_delete="CASCADE", index=False)
    next_at = Instant(null=True)
    version = IntegerField(default=0)
    channel = TextField(default="")
    contact_at = Instant(null=True)
    code = TextField(default="")
    reason = TextField(default="")

    class Meta:
        indexes = ((("account", "customer"), False),)

    @classmethod
    def recheck(cls, owners: Iterable[tuple[str, str]]) -> None:
        """Make the scan look at these customers, pairs of account and customer ids, next time,
        because something about them has changed.

        They are written sorted by account and customer, so that concurrent writers cannot deadlock.
        """
        rows = sorted(set(owners))
        if not rows:
            return
        places = ", ".join("(?, ?, ?, 1, '', '', '')" for _ in rows)
        execute(
            "INSERT INTO contact_course"
            " (account_id, customer_id, next_at, version, channel, code, reason)"
            f" VALUES {places} ON CONFLICT (customer_id) DO UPDATE"
            " SET next_at = excluded.next_at, version = contact_course.version + 1",
            [
                value
                for account_id, customer_id in rows
                for value in (account_id, customer_id, to_micros(AT_ONCE))
            ],
        )

    @classmethod
    def recheck_unseen(cls, limit: int) -> int:
        """As `recheck`, for customers without a row who owe any of up to `limit` overdue
        invoices, and return how many invoices there were.

        An older release that runs beside this one during an upgrade creates no rows.
        """
        rows = execute(UNSEEN, (limit,)).fetchall()
        cls.recheck((row[0], row[1]) for row in rows)
        return len(rows)

    @classmethod
    def recheck_customer(cls, customer_id: str) -> None:
        """As `recheck`, for one customer who already has a row."""
        execute(
            "UPDATE contact_course SET next_at = ?, version = version + 1 WHERE customer_id = ?",
            (to_micros(AT_ONCE), customer_id),
        )

    @classmethod
    def recheck_phone(cls, account_id: str, phone: str) -> None:
        """As `recheck`, for the account's customers at a phone number."""
        which = (
            "SELECT customer_id FROM contact_course WHERE customer_id IN ("
            "SELECT id FROM customer WHERE account_id = ? AND phone = ? UNION"
            " SELECT id FROM customer WHERE account_id = ? AND contact_request ->> 'phone' = ?)"
            " ORDER BY customer_id"
        )
        execute(
            "UPDATE contact_course SET next_at = ?, version = version + 1"
            f" WHERE customer_id IN ({which}{row_lock()})",
            (to_micros(AT_ONCE), account_id, phone, account_id, phone),
        )

    @classmethod
    def recheck_account(cls, account_id: str) -> None:
        """As `recheck`, for all customers of an account."""
        which = "SELECT customer_id FROM contact_course WHERE account_id = ? ORDER BY customer_id"
        execute(
            "UPDATE contact_course SET next_at = ?, version = version + 1"
            f" WHERE customer_id IN ({which}{row_lock()})",
            (to_micros(AT_ONCE), account_id),
        )

    @classmethod
    def due(cls, now: datetime, but_of: Iterable[str], limit: int) -> "list[ContactCourse]":
        """Up to `limit` customers due at `now`, longest due first, except those of the accounts
        `but_of`. Reads one range of an index.
        """
        accounts = list(but_of)
        others = f" AND account_id NOT IN ({', '.join('?' for _ in accounts)})" if accounts else ""
        return cls.all(
            f"next_at <= ?{others} ORDER BY next_at, customer_id LIMIT ?",
            to_micros(now),
            *accounts,
            limit,
        )

    @classmethod
    def of_people(cls, customer_ids: Iterable[str]) -> "list[ContactCourse]":
        """The courses of these customers; not every customer has one."""
        ids = sorted(customer_ids)
        if not ids:
            return []
        return cls.all(f"customer_id IN ({', '.join('?' for _ in ids)})", *ids)

    @property
    def has_result(self) -> bool:
        """Whether any look has recorded a result yet."""
        return bool(self.channel or self.code)

    @classmethod
    def postpone(cls, customer_id: str, until: datetime) -> None:
        """Postpone a customer at whom a look failed, so that the others come first."""
        execute(
            "UPDATE contact_course SET next_at = ?, version = version + 1 WHERE customer_id = ?",
            (to_micros(until), customer_id),
        )

    def record_check(
        self,
        next_at: datetime | None,
        channel: str = "",
        contact_at: datetime | None = None,
        code: str = "",
        reason: str = "",
    ) -> bool:
        """Record what a look found. Returns False if the row has changed since it was read."""
        return self._write(
            only_if="version = ?",
            given=(self.version,),
            next_at=next_at,
            version=self.version + 1,
            channel=channel,
            contact_at=contact_at,
            code=code,
            reason=reason,
        )


ContactCourse.add_index(
    ContactCourse.index(
        ContactCourse.next_at,
        ContactCourse.customer,
        where=SQL("next_at IS NOT NULL"),
        name="contact_course_due",
    )
)
