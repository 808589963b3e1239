"""A text in doubt is looked for in Twilio's list, and what is found, or was settled meanwhile, is
recorded.

Twice is harmless: looking sends nothing, and a report is taken in by rank. Not finding it settles
nothing: after some tries the job is dead, which shows the doubt to people; a callback or `effects
reconcile` still ends it.
"""

from actions.contact.record_text_report import message_of, record_text_report
from delivery.attempt import recording
from delivery.registry import job
from effects.perform import reconcile
from effects.text import TEXT
from models.contact.message import Message
from models.effects.effect import Effect
from runtime.clock import real_now
from runtime.errors import NotYet


@job(queue="messages", attempts=6, timeout=20, backoff=15.0)
def settle_text(effect_id: str) -> None:
    """Settle effect `effect_id`, a text."""
    effect = Effect.get_by_id(effect_id)
    found = reconcile(effect) if effect.in_doubt else None
    if effect.in_doubt and found is None:
        raise NotYet(
            f"Text {effect.id} is not in Twilio's list. It will not be sent again; a callback or a"
            " person settles it."
        )
    with recording():
        message, now = message_of(effect.id, ""), real_now()
        if message is None:
            return
        message, effect = Message.locked(message.id), Effect.get_by_id(effect_id)
        told = found or (TEXT.kept(effect.answer or {}) if effect.state == "confirmed" else None)
        if told is not None:
            record_text_report(message, told["status"], told["id"], told["error_code"] or "", now)
        elif effect.state == "refused" and message.status in {"sending", "unknown"}:
            message.record_refused(effect.error_code or "", effect.error or "", now)
