"""Look up a text in doubt in Twilio's list, and record its outcome.

Twice is harmless: a lookup sends nothing, and reports are merged by rank. Not finding the text
proves nothing: after some attempts the job is dead, which shows the doubt to staff. A callback or
`effects reconcile` still settles it.
"""

from actions.contact.record_text_report import message_of, record_text_report
from actions.people.unanswered import reopen_unanswered
from delivery.attempt import recording
from delivery.registry import job
from effects.contact.text import TEXT
from effects.perform import reconcile
from models.contact.message import Message
from models.effects.effect import Effect
from runtime.clock import real_now
from runtime.errors import NotYet


@job(
    queue="messages",
    calls_out=True,
    attempts=6,
    timeout=20,
    backoff=15.0,
    formerly=("settle_text",),
)
def reconcile_text(effect_id: str) -> None:
    """Settle effect `effect_id`, a text."""
    effect = Effect.get_by_id(effect_id)
    found = reconcile(effect) if effect.in_doubt else None
    if effect.in_doubt and found is None:
        raise NotYet(
            f"Text {effect.id} is not in Twilio's list. It will not be sent again; a callback or a"
            " person settles it."
        )
    with recording():
        message = message_of(effect.id, "")
        now = real_now()
        if message is None:
            return
        message = Message.locked(message.id)
        effect = Effect.get_by_id(effect_id)
        report = found or (TEXT.kept(effect.answer or {}) if effect.state == "confirmed" else None)
        if report is not None:
            record_text_report(
                message, report["status"], report["id"], report["error_code"] or "", now
            )
        elif effect.state == "refused" and message.status in {"sending", "unknown"}:
            message.record_refused(effect.error_code or "", effect.error or "", now)
            reopen_unanswered(message)
