"""A reconciliation: compare payments and refunds with Stripe's one by one and invoices' sums with
our own facts, and record each difference.
"""

from datetime import datetime

from peewee import BigAutoField, BigIntegerField, IntegerField, TextField

from models.base import ForeignKey, Instant, Row


class Reconciliation(Row):
    """A run over one Stripe account: `running → done | failed`. `since` and `until` are Stripe's
    seconds.
    """

    id = BigAutoField()
    stripe_account = TextField(default="")
    since = BigIntegerField()
    until = BigIntegerField()
    phase = TextField(default="payments")
    cursor = TextField(default="")
    page = IntegerField(default=0)
    compared = IntegerField(default=0)
    state = TextField(default="running")
    backfill_id = BigIntegerField(null=True)
    error = TextField(null=True)
    asked_by = TextField()
    created_at = Instant()
    finished_at = Instant(null=True)

    class Meta:
        indexes = ((("stripe_account", "id"), False), (("state", "id"), False))

    def record_page(self, cursor: str, compared: int) -> None:
        """Record that a page has been compared completely."""
        self._write(cursor=cursor, page=self.page + 1, compared=self.compared + compared)

    def record_phase(self, phase: str) -> None:
        """Record that the next list begins."""
        self._write(phase=phase, cursor="")

    def record_backfill(self, backfill_id: int) -> None:
        """Record the backfill that fetches missed events."""
        self._write(backfill_id=backfill_id)

    def open_differences(self) -> "list[Difference]":
        """The open differences of this run, oldest first."""
        return list(
            Difference.select()
            .where(Difference.run == self.id, Difference.state == "open")
            .order_by(Difference.id)
        )

    def record_finished(self, now: datetime) -> None:
        """Record that everything has been compared, and delete the sightings."""
        Sighting.delete().where(Sighting.run == self.id).execute()
        self._write(state="done", finished_at=now)

    def record_failed(self, error: str, now: datetime) -> None:
        """Record that the run cannot continue: Stripe denies access, or its job died."""
        self._write(state="failed", error=error[:500], finished_at=now)


class Difference(Row):
    """A difference between us and Stripe: `open`, or `healed` once the missing events have arrived
    or if the open intent is changed back.

    `ours` and `theirs` are minor units of `currency`. `subject` is Stripe's id, or our id of an
    invoice.
    """

    id = BigAutoField()
    run = ForeignKey(Reconciliation, on_delete="CASCADE")
    kind = TextField()
    account_id = TextField(null=True)
    invoice_id = TextField(null=True)
    subject = TextField()
    ours = BigIntegerField(default=0)
    theirs = BigIntegerField(default=0)
    currency = TextField(default="")
    state = TextField(default="open")
    found_at = Instant()

    class Meta:
        indexes = ((("run", "kind", "subject"), True), (("account_id", "id"), False))

    def record_healed(self) -> None:
        """Record that the missing events have arrived, so that both sides agree."""
        Difference.update(state="healed").where(Difference.id == self.id).execute()


# one index probe per account, however many runs there are
_NEXT = "SELECT MIN(stripe_account) FROM reconciliation"
_LAST = (
    "SELECT id FROM reconciliation r WHERE r.stripe_account = each.name AND r.state = 'done'"
    " ORDER BY r.id DESC LIMIT 1"
)
LATEST = (
    f"WITH RECURSIVE each (name) AS ({_NEXT} UNION ALL SELECT ({_NEXT} WHERE stripe_account >"
    f" each.name) FROM each WHERE each.name IS NOT NULL) SELECT id FROM (SELECT ({_LAST}) AS id"
    " FROM each WHERE name IS NOT NULL) AS latest WHERE id IS NOT NULL"
)


def latest_runs(stripe_account: str | None = None) -> list[Reconciliation]:
    """The last finished run of each Stripe account, or only of `stripe_account`."""
    if stripe_account is None:
        return Reconciliation.all(f"id IN ({LATEST}) ORDER BY stripe_account")
    where = "stripe_account = ? AND state = 'done' ORDER BY id DESC LIMIT 1"
    return Reconciliation.all(where, stripe_account)


class Sighting(Row):
    """A payment or refund of ours that a run has seen at Stripe; those without one are unknown to
    Stripe. Kept only during the run.
    """

    id = BigAutoField()
    run = ForeignKey(Reconciliation, on_delete="CASCADE")
    subject = TextField()
    invoice_id = TextField(null=True)

    class Meta:
        table_name = "reconciliation_sighting"
        indexes = ((("run", "subject"), True),)
