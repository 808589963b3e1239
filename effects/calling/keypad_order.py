"""Telling the assistant of a call that the clinic wants a card typed on the keypad.

Vapi takes no key and shows nothing of what was told. Told twice before anything was begun, the
assistant hears the same twice: that is harmless, and nothing is typed for it.
"""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.vapi.control import tell_assistant
from rules.deployment.card_entry import ORDER


def _send(effect: Effect) -> Json:
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
    send=_send,
    find=lambda _effect: None,
)
