"""When a person who owes is looked at next: the one column by which the scan finds who is due."""

from collections.abc import Iterable
from datetime import UTC, datetime

from peewee import SQL, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.customer import Customer
from models.transactions import execute, row_lock

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
# What is overdue of people who were never looked at. Without DISTINCT, for whose sake SQLite would
# walk through every invoice by another index.
UNSEEN = (
    "SELECT i.account_id, i.customer_id FROM invoice AS i"
    " WHERE i.status = 'overdue' AND NOT EXISTS (SELECT 1 FROM contact_course AS c"
    " WHERE c.customer_id = i.customer_id) LIMIT ?"
)


class ContactCourse(Row):
    """A person's course up the ladder. `next_at`: when the scan looks at them again (business
    time), None while nothing is to come. `version` counts what has happened to the row, so that a
    look that began before is not written over it.

    The rest is what the last look found, for people: by which `channel` they are contacted at
    `contact_at`, or the `code` and `reason` of why not.
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
    def look_again(cls, owners: Iterable[tuple[str, str]]) -> None:
        """Have the scan look at these people, pairs of account and customer, at its next turn:
        something about them has changed. They are written in one order, by account and customer,
        so that two who write many never wait for each other.
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
    def look_at_unseen(cls, limit: int) -> int:
        """As `look_again`, of whoever owes any of up to `limit` overdue invoices and was never
        looked at: an older release, which runs beside this one during an upgrade, does not know of
        looks. How many invoices there were.
        """
        rows = execute(UNSEEN, (limit,)).fetchall()
        cls.look_again((row[0], row[1]) for row in rows)
        return len(rows)

    @classmethod
    def look_again_at(cls, customer_id: str) -> None:
        """As `look_again`, of one person who owes something, or did."""
        execute(
            "UPDATE contact_course SET next_at = ?, version = version + 1 WHERE customer_id = ?",
            (to_micros(AT_ONCE), customer_id),
        )

    @classmethod
    def look_again_at_phone(cls, account_id: str, phone: str) -> None:
        """As `look_again`, of the account's people at a phone."""
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
    def look_again_at_all(cls, account_id: str) -> None:
        """As `look_again`, of everybody of an account."""
        which = "SELECT customer_id FROM contact_course WHERE account_id = ? ORDER BY customer_id"
        execute(
            "UPDATE contact_course SET next_at = ?, version = version + 1"
            f" WHERE customer_id IN ({which}{row_lock()})",
            (to_micros(AT_ONCE), account_id),
        )

    @classmethod
    def due(cls, now: datetime, but_of: Iterable[str], limit: int) -> "list[ContactCourse]":
        """Up to `limit` people whose turn it is at `now`, longest due first; none of the accounts
        `but_of`. One range of an index.
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
        """The courses of those of these people who have one."""
        ids = sorted(customer_ids)
        if not ids:
            return []
        return cls.all(f"customer_id IN ({', '.join('?' for _ in ids)})", *ids)

    @property
    def has_told(self) -> bool:
        """Whether a look has found anything yet."""
        return bool(self.channel or self.code)

    @classmethod
    def put_off(cls, customer_id: str, until: datetime) -> None:
        """A look at the person failed: others come first."""
        execute(
            "UPDATE contact_course SET next_at = ?, version = version + 1 WHERE customer_id = ?",
            (to_micros(until), customer_id),
        )

    def record_looked(
        self,
        next_at: datetime | None,
        channel: str = "",
        contact_at: datetime | None = None,
        code: str = "",
        reason: str = "",
    ) -> bool:
        """What a look found; False when something has happened since the row was read."""
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
