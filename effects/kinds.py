"""All kinds of effects there are."""

from effects.calling.call import CALL
from effects.calling.call_end import CALL_END
from effects.calling.keypad_order import KEYPAD_ORDER
from effects.calling.keypad_step import KEYPAD_STEP
from effects.contact.text import TEXT
from effects.deployment.address_create import ADDRESS_CREATE
from effects.deployment.address_delete import ADDRESS_DELETE
from effects.deployment.card.fee_cancel import FEE_CANCEL
from effects.deployment.card.fee_confirm import FEE_CONFIRM
from effects.deployment.card.fee_create import FEE_CREATE
from effects.deployment.card.fee_refund import FEE_REFUND
from effects.deployment.card.setup_customer_create import SETUP_CUSTOMER_CREATE
from effects.deployment.card.setup_intent_create import SETUP_INTENT_CREATE
from effects.deployment.forwarding_call import FORWARDING_CALL
from effects.deployment.number_address import NUMBER_ADDRESS
from effects.deployment.number_purchase import NUMBER_PURCHASE
from effects.deployment.number_release import NUMBER_RELEASE
from effects.deployment.port.number_setup import NUMBER_SETUP
from effects.deployment.port.port_document_upload import PORT_DOCUMENT_UPLOAD
from effects.deployment.port.port_request_cancel import PORT_REQUEST_CANCEL
from effects.deployment.port.port_request_create import PORT_REQUEST_CREATE
from effects.deployment.sip.login_list_create import LOGIN_LIST_CREATE
from effects.deployment.sip.login_list_delete import LOGIN_LIST_DELETE
from effects.deployment.sip.login_set import LOGIN_SET
from effects.deployment.sip.sip_call import SIP_CALL
from effects.deployment.sip.sip_number import SIP_NUMBER
from effects.deployment.sip.sip_number_update import SIP_NUMBER_UPDATE
from effects.deployment.sip.trunk_create import TRUNK_CREATE
from effects.deployment.sip.trunk_delete import TRUNK_DELETE
from effects.deployment.sip.trunk_known import TRUNK_KNOWN
from effects.deployment.sip.trunk_known_anew import TRUNK_KNOWN_ANEW
from effects.deployment.sip.trunk_lets_in import TRUNK_LETS_IN
from effects.deployment.sip.trunk_sends_on import TRUNK_SENDS_ON
from effects.deployment.sip.trunk_unknown import TRUNK_UNKNOWN
from effects.deployment.vapi.assistant_create import ASSISTANT_CREATE
from effects.deployment.vapi.assistant_delete import ASSISTANT_DELETE
from effects.deployment.vapi.assistant_update import ASSISTANT_UPDATE
from effects.deployment.vapi.knowledge.file_delete import FILE_DELETE
from effects.deployment.vapi.knowledge.file_upload import FILE_UPLOAD
from effects.deployment.vapi.knowledge.tool_create import TOOL_CREATE
from effects.deployment.vapi.knowledge.tool_delete import TOOL_DELETE
from effects.deployment.vapi.knowledge.tool_drop import TOOL_DROP
from effects.deployment.vapi.knowledge.tool_update import TOOL_UPDATE
from effects.deployment.vapi.number_import import NUMBER_IMPORT
from effects.deployment.vapi.number_import_delete import NUMBER_IMPORT_DELETE
from effects.deployment.vapi.number_import_update import NUMBER_IMPORT_UPDATE
from effects.deployment.vapi.squad_create import SQUAD_CREATE
from effects.deployment.vapi.squad_delete import SQUAD_DELETE
from effects.deployment.vapi.squad_update import SQUAD_UPDATE
from effects.kind import Kind
from effects.payments.intent_cancel import INTENT_CANCEL
from effects.payments.intent_change import INTENT_CHANGE
from effects.payments.intent_confirm import INTENT_CONFIRM
from effects.payments.intent_create import INTENT_CREATE
from effects.payments.link_deactivate import LINK_DEACTIVATE
from effects.payments.payment_link import PAYMENT_LINK
from effects.payments.refund import REFUND
from effects.payments.session_expire import SESSION_EXPIRE
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
    CALL,
    CALL_END,
    KEYPAD_ORDER,
    KEYPAD_STEP,
    SETUP_CUSTOMER_CREATE,
    SETUP_INTENT_CREATE,
    FEE_CREATE,
    FEE_CONFIRM,
    FEE_CANCEL,
    FEE_REFUND,
    FILE_UPLOAD,
    FILE_DELETE,
    NUMBER_PURCHASE,
    NUMBER_ADDRESS,
    NUMBER_RELEASE,
    ADDRESS_CREATE,
    ADDRESS_DELETE,
    FORWARDING_CALL,
    TOOL_CREATE,
    TOOL_UPDATE,
    TOOL_DELETE,
    TOOL_DROP,
    ASSISTANT_CREATE,
    ASSISTANT_UPDATE,
    ASSISTANT_DELETE,
    SQUAD_CREATE,
    SQUAD_UPDATE,
    SQUAD_DELETE,
    NUMBER_IMPORT,
    NUMBER_IMPORT_UPDATE,
    NUMBER_IMPORT_DELETE,
    LOGIN_LIST_CREATE,
    LOGIN_LIST_DELETE,
    LOGIN_SET,
    TRUNK_CREATE,
    TRUNK_DELETE,
    TRUNK_LETS_IN,
    TRUNK_SENDS_ON,
    TRUNK_KNOWN,
    TRUNK_KNOWN_ANEW,
    TRUNK_UNKNOWN,
    SIP_NUMBER,
    SIP_NUMBER_UPDATE,
    SIP_CALL,
    PORT_DOCUMENT_UPLOAD,
    PORT_REQUEST_CREATE,
    PORT_REQUEST_CANCEL,
    NUMBER_SETUP,
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(effect: Effect) -> Kind:
    """The kind of `effect`. Raises KeyError for one that a newer release wrote."""
    return _BY_NAME[effect.kind]


def what_it_does(effect: Effect) -> str:
    """What `effect` does, for people; the name of a kind that a newer release wrote."""
    known = _BY_NAME.get(effect.kind)
    return known.does if known is not None else effect.kind
