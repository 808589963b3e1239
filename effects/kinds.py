"""All kinds of effects there are: each is told in the file of what it is about."""

from effects.calling import call, keypad
from effects.contact import text
from effects.deployment import fee, saved_card
from effects.deployment.twilio import address, login_list, number, port, test_calls, trunk
from effects.deployment.vapi import (
    assistant,
    knowledge_file,
    number_import,
    query_tool,
    sip_number,
    squad,
)
from effects.deployment.vapi import trunk as trunk_at_vapi
from effects.kind import Cost, Json, Kind
from effects.payments import intent, link, refund
from models.effects.effect import Effect
from runtime.errors import Misconfigured

_FILES = (
    link,
    intent,
    refund,
    text,
    call,
    keypad,
    saved_card,
    fee,
    knowledge_file,
    number,
    address,
    test_calls,
    query_tool,
    assistant,
    squad,
    number_import,
    login_list,
    trunk,
    trunk_at_vapi,
    sip_number,
    port,
)
_BY_NAME = {
    kind.name: kind
    for file in _FILES
    for name, kind in vars(file).items()
    if isinstance(kind, Kind) and name == kind.name.upper()
}
KINDS: tuple[Kind, ...] = tuple(_BY_NAME.values())


def kind_of(effect: Effect) -> Kind:
    """The kind of `effect`; of one that a newer release wrote, one that is shown, and neither sent
    nor found: that release does both.
    """
    return _BY_NAME.get(effect.kind) or Kind(
        name=effect.kind,
        provider=effect.provider,
        does=f"{effect.kind}, which a newer release does",
        recorded_by="",
        many_per_job=False,
        daily_limit=None,
        costs=Cost.NOTHING,
        undone_by=None,
        expires=False,
        keep=("id",),
        send=_send_newer,
        find=lambda _effect: None,
    )


def _send_newer(effect: Effect) -> Json:
    raise Misconfigured(
        f"Effect {effect.id} ({effect.kind}) is a newer release's. Run that release."
    )
