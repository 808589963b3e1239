"""The phases of a comparison with Stripe: its payments, its refunds, objects that only we have, our
own sums, and a second look.

Each phase processes one page: it asks Stripe, and returns what to write in the transaction that
ends the job. An object that only Stripe has may just be late: Stripe's events are fetched and
processed like webhooks, and the differences that they may explain are compared again.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from actions.books.begin import begin_backfill
from actions.books.compare import (
    Json,
    Verdict,
    compare_books,
    compare_intent,
    compare_refund,
    record_comparison,
    record_unknown,
    sighted_invoices,
    unsighted_payments,
    unsighted_refunds,
)
from delivery.attempt import Snooze
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Difference, Reconciliation
from models.books.stripe_watermark import READABLE_SECONDS
from models.payments.payment import Payment
from models.payments.refund import Refund
from providers.errors import ProviderError
from providers.stripe.client import get_refund
from providers.stripe.intents import get_intent
from providers.stripe.lists import Page, list_intents, list_recent_refunds
from runtime.clock import real_now, real_seconds
from runtime.log import get_log
from runtime.settings import get_settings

FEW, MANY = 10, 200  # rows a job looks up one by one at Stripe; rows it compares here
LOOK_AGAIN = 5.0  # seconds until the backfill is checked again
PATIENCE = timedelta(minutes=30)  # for a backfill; after that the differences are final
# kinds that events still to come may explain
LATE = frozenset({"payment_missing", "payment_differs", "refund_missing", "refund_differs"})

log = get_log("reconcile")

Write = Callable[[], None]
Phase = Callable[[Reconciliation], Write]
Judge = Callable[[str, Json], Verdict]


def _listed(ask: Callable[[int, str, str], Page], judge: Judge, following: str) -> Phase:
    """A phase that compares a page of a list at Stripe."""

    def phase(run: Reconciliation) -> Write:
        found = ask(run.since, run.cursor, run.stripe_account)

        def write() -> None:
            ours = sum(
                record_comparison(run, each, judge(run.stripe_account, each)) for each in found.rows
            )
            run.record_page(found.rows[-1]["id"] if found.rows else "", ours)
            if not found.has_more:
                run.record_phase(following)

        return write

    return phase


def _our_payments(run: Reconciliation) -> Write:
    """Look up payments that the list did not show: created before its period, or unknown to
    Stripe.
    """
    rows = unsighted_payments(run, run.cursor, FEW)
    theirs = [_or_none(get_intent, row.intent_id or "", run) for row in rows]
    return _looked_up(run, rows, theirs, compare_intent, [row.id for row in rows], "our_refunds")


def _our_refunds(run: Reconciliation) -> Write:
    rows = unsighted_refunds(run, run.cursor, FEW)
    ids = [row.refund_id for row in rows]
    theirs = [_or_none(get_refund, each, run) for each in ids]
    return _looked_up(run, rows, theirs, compare_refund, ids, "books")


def _looked_up(
    run: Reconciliation,
    rows: Sequence[Payment | Refund],
    theirs: Sequence[Json | None],
    judge: Judge,
    cursors: Sequence[str],
    following: str,
) -> Write:
    def write() -> None:
        for row, found in zip(rows, theirs, strict=True):
            if found is None:
                record_unknown(run, row)
            else:
                record_comparison(run, found, judge(run.stripe_account, found))
        run.record_page(cursors[-1] if cursors else "", len(rows))
        if len(rows) < FEW:
            run.record_phase(following)

    return write


def _books(run: Reconciliation) -> Write:
    def write() -> None:
        rows = sighted_invoices(run, run.cursor, MANY)
        for invoice in rows:
            compare_books(run, invoice)
        run.record_page(rows[-1].id if rows else "", 0)
        if len(rows) < MANY:
            _end_or_fetch(run)

    return write


def _end_or_fetch(run: Reconciliation) -> None:
    """End the run, or first fetch Stripe's events if they may explain a difference."""
    if any(difference.kind in LATE for difference in run.open_differences()):
        since = max(run.since, int(real_seconds()) - READABLE_SECONDS)
        run.record_backfill(
            begin_backfill(
                run.stripe_account, since, get_settings().backfill_rate, f"reconciliation:{run.id}"
            ).id
        )
        run.record_phase("again")
    else:
        _finish(run)


def _again(run: Reconciliation) -> Write:
    """Compare again what late events may have explained, once they are processed."""
    if _is_coming(run):
        raise Snooze("events are being fetched", LOOK_AGAIN)
    rows = [
        row for row in run.open_differences() if row.kind in LATE and row.id > int(run.cursor or 0)
    ][:FEW]
    equal = [_is_equal_now(run, row) for row in rows]

    def write() -> None:
        for row, is_equal in zip(rows, equal, strict=True):
            if is_equal:
                row.record_healed()
        run.record_page(str(rows[-1].id) if rows else "", 0)
        if len(rows) < FEW:
            _finish(run)

    return write


def _is_coming(run: Reconciliation) -> bool:
    """Whether events are still being fetched, or wait to be processed."""
    fetch = Backfill.get_by_id(run.backfill_id)
    if fetch.state != "done" or real_now() - run.created_at > PATIENCE:
        return bool(fetch.state == "running" and real_now() - run.created_at <= PATIENCE)
    return (
        InboxEvent.select()
        .where(InboxEvent.outcome.is_null(), InboxEvent.received_at <= fetch.finished_at)
        .exists()
    )


def _is_equal_now(run: Reconciliation, row: Difference) -> bool:
    """Whether Stripe and we agree by now."""
    is_payment = row.kind.startswith("payment")
    theirs = _or_none(get_intent if is_payment else get_refund, row.subject, run)
    if theirs is None:
        return False
    verdict = (
        compare_intent(run.stripe_account, theirs)
        if is_payment
        else compare_refund(run.stripe_account, theirs)
    )
    return verdict.found is None


def _or_none(read: Callable[[str, str], Json], subject: str, run: Reconciliation) -> Json | None:
    try:
        return read(subject, run.stripe_account)
    except ProviderError as error:
        if error.code != "resource_missing":
            raise
        return None


def _finish(run: Reconciliation) -> None:
    left = run.open_differences()
    if left:
        log.error(
            "our books and Stripe's differ",
            stripe_account=run.stripe_account or "platform",
            differences=len(left),
            run=run.id,
        )
    run.record_finished(real_now())


PHASES: dict[str, Phase] = {
    "payments": _listed(list_intents, compare_intent, "refunds"),
    "refunds": _listed(list_recent_refunds, compare_refund, "our_payments"),
    "our_payments": _our_payments,
    "our_refunds": _our_refunds,
    "books": _books,
    "again": _again,
}
