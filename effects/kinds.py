"""All kinds of effects there are."""

from effects.address_create import ADDRESS_CREATE
from effects.address_delete import ADDRESS_DELETE
from effects.assistant_create import ASSISTANT_CREATE
from effects.assistant_delete import ASSISTANT_DELETE
from effects.assistant_update import ASSISTANT_UPDATE
from effects.fee_cancel import FEE_CANCEL
from effects.fee_confirm import FEE_CONFIRM
from effects.fee_create import FEE_CREATE
from effects.fee_refund import FEE_REFUND
from effects.file_delete import FILE_DELETE
from effects.file_upload import FILE_UPLOAD
from effects.forwarding_call import FORWARDING_CALL
from effects.intent_cancel import INTENT_CANCEL
from effects.intent_change import INTENT_CHANGE
from effects.intent_confirm import INTENT_CONFIRM
from effects.intent_create import INTENT_CREATE
from effects.kind import Kind
from effects.link_deactivate import LINK_DEACTIVATE
from effects.number_import import NUMBER_IMPORT
from effects.number_import_delete import NUMBER_IMPORT_DELETE
from effects.number_import_update import NUMBER_IMPORT_UPDATE
from effects.number_purchase import NUMBER_PURCHASE
from effects.number_release import NUMBER_RELEASE
from effects.payment_link import PAYMENT_LINK
from effects.refund import REFUND
from effects.session_expire import SESSION_EXPIRE
from effects.setup_customer_create import SETUP_CUSTOMER_CREATE
from effects.setup_intent_create import SETUP_INTENT_CREATE
from effects.squad_create import SQUAD_CREATE
from effects.squad_delete import SQUAD_DELETE
from effects.squad_update import SQUAD_UPDATE
from effects.text import TEXT
from effects.tool_create import TOOL_CREATE
from effects.tool_delete import TOOL_DELETE
from effects.tool_update import TOOL_UPDATE
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
    SETUP_CUSTOMER_CREATE,
    SETUP_INTENT_CREATE,
    FEE_CREATE,
    FEE_CONFIRM,
    FEE_CANCEL,
    FEE_REFUND,
    FILE_UPLOAD,
    FILE_DELETE,
    NUMBER_PURCHASE,
    NUMBER_RELEASE,
    ADDRESS_CREATE,
    ADDRESS_DELETE,
    FORWARDING_CALL,
    TOOL_CREATE,
    TOOL_UPDATE,
    TOOL_DELETE,
    ASSISTANT_CREATE,
    ASSISTANT_UPDATE,
    ASSISTANT_DELETE,
    SQUAD_CREATE,
    SQUAD_UPDATE,
    SQUAD_DELETE,
    NUMBER_IMPORT,
    NUMBER_IMPORT_UPDATE,
    NUMBER_IMPORT_DELETE,
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(effect: Effect) -> Kind:
    """The kind of `effect`. Raises KeyError for one that a newer release wrote."""
    return _BY_NAME[effect.kind]
