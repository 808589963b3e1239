"""The one door by which a Stripe event comes in, whether Stripe sent it or we fetched it; and back
through it for those replayed.
"""

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
    """An event that is ready to be kept. `refusal` is why nothing may come of it, empty for none;
    `whose` is whose work it is, and `request_id` the request that brought it.
    """

    row: CleanEvent
    refusal: str
    whose: str
    request_id: str | None


def read_stripe_event(event: dict[str, Any], text: str, listed_under: str = "") -> StripeEvent:
    """`event`, whose words are `text`, as it is kept. `listed_under` is the Stripe account whose
    list it was fetched from, whatever it says itself.
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


def keep_stripe_events(events: Sequence[StripeEvent], delay: float = 0.0) -> list[int | None]:
    """Keep events, and stage the processing of each, due in `delay` seconds: by two statements.

    The id of each one's inbox row, or None when it was here before: then nothing is written. One of
    the other mode than our key's is kept, refused, and nothing else. Needs an open transaction.
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
    """Keep one event, as `keep_stripe_events`."""
    return keep_stripe_events([read_stripe_event(event, text, listed_under)], delay)[0]


def _storable(value: object) -> str:
    """A word of an event as text that every database keeps; empty for none."""
    return storable_text(str(value)) if value else ""


def replay_event(inbox_id: int, actor: str, delay: float = 0.0) -> bool:
    """Let an event of Stripe's that was processed be taken in again, due in `delay` seconds. False,
    and nothing written, if it was not, or is another provider's: what those say counted at once.

    Safe whatever its outcome: facts are merged by Stripe's ids. Its job is the old one, or, where
    that has been forgotten, a new one of the same key. Audited in the same transaction.
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
