"""Take a card on the keypad during a call: brief Vapi's assistant, drive Twilio's payment
session.
"""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.twilio import payments
from providers.vapi.control import tell_assistant
from rules.calling.keypad import CANCEL, COMPLETE, START
from rules.deployment.card_entry import ORDER
from runtime.settings import get_settings


# Vapi takes no key, and does not show what an assistant was told. If the order is sent twice before
# a session starts, the assistant hears it twice: that is harmless, and no input is entered for it.
def _order(effect: Effect) -> Json:
    tell_assistant(effect.request["call"], ORDER)
    return {"id": effect.request["call"]}


KEYPAD_ORDER = Kind(
    name="keypad_order",
    provider="vapi",
    does="Tell a call's assistant to take a card by keypad",
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


# A step starts the session, captures one field, completes or cancels it. Twilio takes a key, so a
# retry does nothing twice. A session cannot be read back: the outcome of a step arrives only by
# callback. No step moves money.
CALLBACK = "/api/webhooks/twilio/pay"


def callback_url(session_id: str, step: str) -> str:
    """The URL at which Twilio reports on a step. It contains our row's id and names the step,
    because Twilio reports the same mistake made twice in identical words.
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
