"""All kinds of effects there are."""

from effects.address_create import ADDRESS_CREATE
from effects.address_delete import ADDRESS_DELETE
from effects.forwarding_call import FORWARDING_CALL
from effects.intent_cancel import INTENT_CANCEL
from effects.intent_change import INTENT_CHANGE
from effects.intent_confirm import INTENT_CONFIRM
from effects.intent_create import INTENT_CREATE
from effects.kind import Kind
from effects.link_deactivate import LINK_DEACTIVATE
from effects.number_purchase import NUMBER_PURCHASE
from effects.number_release import NUMBER_RELEASE
from effects.payment_link import PAYMENT_LINK
from effects.refund import REFUND
from effects.session_expire import SESSION_EXPIRE
from effects.text import TEXT
from models.effects.effect import Effect

KINDS: tuple[Kind, ...] = (
    PAYMENT_LINK,
    LINK_DEACTIVATE,
    SESSION_EXPIRE,
    INTENT_CREATE,
    INTENT_CHANGE,
    INTENT_CONFIRM,
    INTENT_CANCEL,
    REFUND,
    TEXT,
    NUMBER_PURCHASE,
    NUMBER_RELEASE,
    ADDRESS_CREATE,
    ADDRESS_DELETE,
    FORWARDING_CALL,
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(effect: Effect) -> Kind:
    """The kind of `effect`. Raises KeyError for one that a newer release wrote."""
    return _BY_NAME[effect.kind]
