"""The single entry point of Stripe events, whether sent by Stripe, fetched by us, or replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from structlog.contextvars import get_contextvars

from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import CleanEvent, InboxEvent, clean_event
from models.delivery.stage import stage, stage_all
from models.delivery.staged_job import NewJob, StagedJob, revive_job
from models.transactions import transaction
from rules.storable import storable_text
from rules.stripe_event_types import account_of, names_of
from rules.stripe_mode import refuse_mode
from runtime.clock import real_now
from runtime.settings import get_settings


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """An event ready to be stored. `refusal` says why it must have no effect ("" if it may),
    `whose` is the account whose turn its job takes, and `request_id` the request that brought it.
    """

    row: CleanEvent
    refusal: str
    whose: str
    request_id: str | None


def read_stripe_event(event: dict[str, Any], text: str, listed_under: str = "") -> StripeEvent:
    """Prepare `event`, whose JSON is `text`, for storing. `listed_under` is the Stripe account
    whose list it was fetched from, which overrides what the event says.
    """
    account = listed_under or _storable(event.get("account"))
    row = clean_event(
        "stripe",
        account,
        event["id"],
        _storable(event.get("type")),
        text,
        names_of(event),
    )
    refusal = refuse_mode(event, get_settings().stripe_secret_key)
    request_id = get_contextvars().get("request_id")
    return StripeEvent(row, refusal, account or account_of(event), request_id)


def store_stripe_events(events: Sequence[StripeEvent], delay: float = 0.0) -> list[int | None]:
    """Store events, and stage a job for each, due in `delay` seconds, with two statements in all.

    Returns the id of each event's inbox row, or None if it was stored before: then nothing is
    written. An event of the other mode (test or live) than our key's is stored as refused, without
    a job. Needs an open transaction.
    """
    now = real_now()
    inbox_ids = InboxEvent.receive_all([event.row for event in events], now)
    taken = []
    for event, inbox_id in zip(events, inbox_ids, strict=True):
        if inbox_id is not None and event.refusal:
            InboxEvent.get_by_id(inbox_id).record_outcome("refused", now, event.refusal)
        elif inbox_id is not None:
            taken.append(NewJob(str(inbox_id), (inbox_id,), event.whose, event.request_id))
    stage_all("process_stripe_event", taken, delay=delay)
    return inbox_ids


def receive_stripe_event(
    event: dict[str, Any], text: str, listed_under: str = "", delay: float = 0.0
) -> int | None:
    """Store one event, as `store_stripe_events`."""
    return store_stripe_events([read_stripe_event(event, text, listed_under)], delay)[0]


def _storable(value: object) -> str:
    """A value from an event as text that every database can store; "" for none."""
    return storable_text(str(value)) if value else ""


def replay_event(inbox_id: int, actor: str, delay: float = 0.0) -> bool:
    """Process a Stripe event again, due in `delay` seconds. Returns False, with nothing written, if
    it was not processed yet, or is another provider's: those take effect when received.

    Safe whatever its outcome: facts are merged by Stripe's ids. Its old job runs again, or, if that
    was deleted, a new job with the same key. Audited in the same transaction.
    """
    with transaction():
        event = InboxEvent.one("id = ? AND provider = 'stripe' AND outcome IS NOT NULL", inbox_id)
        if event is None or not (
            revive_job("process_stripe_event", str(inbox_id), delay) or _stage_anew(event, delay)
        ):
            return False
        InboxEvent.update(outcome=None, reason=None, processed_at=None).where(
            InboxEvent.id == inbox_id
        ).execute()
        AuditEntry.record(
            actor, "event.replayed", f"event:{inbox_id}", event=event.event_id, was=event.outcome
        )
        return True


def _stage_anew(event: InboxEvent, delay: float) -> bool:
    whose = event.account
    same = (StagedJob.name == "process_stripe_event") & (StagedJob.key == str(event.id))
    return (
        not StagedJob.select().where(same).exists()
        and stage("process_stripe_event", event.id, event.id, fair_to=whose, delay=delay)
        is not None
    )
