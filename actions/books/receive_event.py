"""The one door by which a Stripe event comes in, whether Stripe sent it or we fetched it; and back
through it for those replayed.
"""

from typing import Any

from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob, revive_job
from models.transactions import transaction
from rules.storable import storable_text
from rules.stripe_event_types import account_of, names_of
from rules.stripe_mode import refuse_mode
from runtime.clock import real_now
from runtime.settings import get_settings


def receive_stripe_event(
    event: dict[str, Any], text: str, listed_under: str = "", delay: float = 0.0
) -> int | None:
    """Keep `event`, whose words are `text`, and stage its processing, due in `delay` seconds.

    Its inbox row's id, or None when it was here before: then nothing is written. `listed_under` is
    the Stripe account whose list it was fetched from, whatever it says itself. One of
    the other mode than our key's is kept, refused, and nothing else. Needs an open transaction.
    """
    account = listed_under or _storable(event.get("account"))
    inbox_id = InboxEvent.receive(
        "stripe",
        account,
        event["id"],
        _storable(event.get("type")),
        text,
        real_now(),
        names_of(event),
    )
    refusal = refuse_mode(event, get_settings().stripe_secret_key)
    if inbox_id is not None and refusal:
        InboxEvent.get_by_id(inbox_id).record_outcome("refused", real_now(), refusal)
    elif inbox_id is not None:
        whose = account or account_of(event)
        stage("process_stripe_event", inbox_id, inbox_id, fair_to=whose, delay=delay)
    return inbox_id


def _storable(value: object) -> str:
    """A word of an event as text that every database keeps; empty for none."""
    return storable_text(str(value)) if value else ""


def replay_event(inbox_id: int, actor: str, delay: float = 0.0) -> bool:
    """Let an event that was processed be taken in again, due in `delay` seconds. False, and nothing
    written, if it was not.

    Safe whatever its outcome: facts are merged by Stripe's ids. Its job is the old one, or, where
    that has been forgotten, a new one of the same key. Audited in the same transaction.
    """
    with transaction():
        event = InboxEvent.get_or_none(
            (InboxEvent.id == inbox_id) & InboxEvent.outcome.is_null(False)
        )
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
