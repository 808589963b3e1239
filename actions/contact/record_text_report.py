"""Record a text's status from Twilio's answer, callback or list, or from a person."""

from datetime import datetime

from actions.people.unanswered import reopen_unanswered
from models.contact.message import Message
from models.contact.opt_out import CHANNELS, OptOut
from models.contact.phone_suppression import PhoneSuppression
from models.effects.effect import Effect
from rules.contact.delivery_failures import advice_for

OPTED_OUT = "21610"


def message_of(effect_id: str, sid: str) -> Message | None:
    """The message of an effect, or else by Twilio's sid. The effect comes first, because Twilio's
    answer may not be stored yet.
    """
    found = Message.get_or_none(Message.effect_id == effect_id) if effect_id else None
    return found if found is not None else Message.get_or_none(Message.sid == sid)


def expire_unsent(message: Message, now: datetime) -> bool:
    """Give up a text that was requested too long ago and never sent. Returns whether it did."""
    effect = (
        Effect.get_or_none(Effect.id == message.effect_id) if message.status == "sending" else None
    )
    unsent = message.status == "waiting" or (effect is not None and effect.state == "refused")
    if unsent and message.is_too_old(now):
        message.record_refused(
            "expired", "It could not be sent within an hour of the request. Ask again.", now
        )
        return True
    return False


def record_text_report(
    message: Message,
    status: str,
    sid: str,
    error_code: str,
    now: datetime,
    effect: Effect | None = None,
) -> bool:
    """Record Twilio's status of the text, which also confirms its effect (`effect`, or the
    message's). Needs a locked message.

    Returns whether the status was new. Acts on what a failure means for the number.
    """
    if message.effect_id and message.status != "refused":
        if effect is None or effect.id != message.effect_id:
            effect = Effect.get_by_id(message.effect_id)
        if effect.state in {"sending", "unknown"}:
            effect.record_confirmed(
                sid, {"id": sid, "status": status, "error_code": error_code}, now
            )
    is_new = message.record_report(status, sid, error_code or None, now)
    if is_new and error_code:
        act_on_failure(message, error_code, now)
    if is_new:
        reopen_unanswered(message)
    return is_new


def act_on_failure(message: Message, code: str, now: datetime) -> None:
    """Suppress a number that cannot get texts. Record an opt-out that only Twilio knew of; like any
    opt-out by text, it also covers calls.
    """
    advice = advice_for(code)
    if advice is not None and advice.suppresses:
        PhoneSuppression.suppress(message.account_id, message.to, "sms", code, advice.text, now)
    if code == OPTED_OUT and not OptOut.holds(
        message.account_id, (message.sender,), message.to, "sms"
    ):
        OptOut.record(
            message.account_id,
            message.to,
            "stop",
            CHANNELS,
            words="",
            source="twilio_21610",
            reference=message.sid or message.id,
            recorded_by="twilio",
        )
