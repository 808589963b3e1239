"""Store one page of a Stripe account's events in our inbox, and stage the next page, until the list
ends.

Twice is harmless: an event is stored once, whatever its source, and a page that was read is not
read again.
"""

import json

from actions.books.receive_event import receive_stripe_event
from delivery.attempt import recording
from delivery.registry import job
from models.books.backfill import Backfill
from models.books.stripe_watermark import StripeWatermark
from models.delivery.stage import stage
from providers.errors import ProviderError
from providers.stripe.client import Json
from providers.stripe.lists import Page, list_events
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.log import get_log

# a connected account has disconnected from the platform: retrying does not help
NO_ACCESS = "PermissionError"

log = get_log("backfill")


@job(queue="periodic", calls_out=True, attempts=8, timeout=20)
def read_stripe_events(backfill_id: int, page: int) -> None:
    """Read page `page` of run `backfill_id`."""
    run = Backfill.get_by_id(backfill_id)
    if run.state != "running" or run.page != page:
        return
    try:
        found = list_events(run.since, run.cursor, run.stripe_account)
    except ProviderError as error:
        if error.outcome != "refused" and error.code != NO_ACCESS:
            raise
        _give_up(run, error)
        return
    with recording():
        _take_in(run, found)
        killpoint("backfill.before_commit")


def _take_in(run: Backfill, found: Page) -> None:
    """Receive the missing events, oldest first, so that they keep their order when paced."""
    missing = 0
    for event in reversed(found.rows):
        delay = _delay(run, run.missing + missing)
        missing += (
            receive_stripe_event(event, json.dumps(event), run.stripe_account, delay) is not None
        )
    newest = (_created(found.rows[0], run), found.rows[0]["id"]) if found.rows else (run.since, "")
    run.record_page(
        found.rows[-1]["id"] if found.rows else run.cursor, newest, len(found.rows), missing
    )
    if missing:
        log.warning(
            "missed events found",
            stripe_account=run.stripe_account or "platform",
            missing=missing,
            of=len(found.rows),
        )
    if found.has_more and found.rows:
        key = f"{run.id}-{run.page}"
        stage("read_stripe_events", key, run.id, run.page, fair_to=run.stripe_account)
        return
    StripeWatermark.record_reached(
        run.stripe_account, run.since, run.newest_created, run.newest_id, real_now()
    )
    run.record_finished(real_now())


def _created(event: Json, run: Backfill) -> int:
    """When the event was created, in Unix seconds. An event without a time moves no watermark."""
    created = event.get("created")
    return created if isinstance(created, int) else int(run.since)


def _delay(run: Backfill, place: int) -> float:
    """Seconds until the missing event at this place should be processed."""
    if not run.rate:
        return 0.0
    return max(0.0, place / run.rate - (real_now() - run.created_at).total_seconds())


def _give_up(run: Backfill, error: ProviderError) -> None:
    log.error(
        "Stripe's events cannot be read",
        stripe_account=run.stripe_account or "platform",
        code=error.code,
    )
    with recording():
        run.record_failed(str(error), real_now())
