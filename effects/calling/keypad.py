"""A card is taken on the keypad during a call: its assistant is told, and Twilio asks for it."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.twilio import payments
from providers.vapi.control import tell_assistant
from rules.calling.keypad import CANCEL, COMPLETE, START
from rules.deployment.card_entry import ORDER
from runtime.settings import get_settings


# Vapi takes no key and shows nothing of what an assistant was told. Told twice before anything was
# begun, it hears the same twice: that is harmless, and nothing is typed for it.
def _order(effect: Effect) -> Json:
    tell_assistant(effect.request["call"], ORDER)
    return {"id": effect.request["call"]}


KEYPAD_ORDER = Kind(
    name="keypad_order",
    provider="vapi",
    does="Tell the assistant of a call to take a card by keypad",
    recorded_by="order_card_entry",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=True,
    keep=("id",),
    send=_order,
    find=lambda _effect: None,
)


# A step begins, takes a piece, completes or cancels. Twilio takes a key, so that a repetition does
# nothing twice. It tells nothing of a session that is asked for: what came of a step is heard by
# callback only. No step moves money.
CALLBACK = "/api/webhooks/twilio/pay"


def callback_url(session_id: str, step: str) -> str:
    """Where Twilio reports on a step; our row's id is in it, and which step it was, for the same
    mistake made twice is reported in the same words.
    """
    return f"{get_settings().public_url}{CALLBACK}?session={session_id}&step={step}"


def _take_step(effect: Effect) -> Json:
    asked, key = effect.request, effect.idempotency_key
    callback = callback_url(asked["session"], f"{asked['step']}:{asked['number']}")
    if asked["step"] == START:
        return payments.start_session(asked["call"], key, callback)
    of_session = (asked["call"], asked["payment"], asked["step"], key, callback)
    if asked["step"] in {COMPLETE, CANCEL}:
        return payments.end_session(*of_session)
    return payments.capture(*of_session)


KEYPAD_STEP = Kind(
    name="keypad_step",
    provider="twilio",
    does="Take a card on the keypad during a call",
    recorded_by="enter_card",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.PROVIDER_FEE,
    undone_by=None,
    expires=True,
    keep=("id",),
    send=_take_step,
    find=lambda _effect: None,
)
