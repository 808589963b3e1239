"""The registry of all kinds of effects; each is declared in the file about its object."""

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
from providers.errors import ProviderError

KINDS: tuple[Kind, ...] = (
    link.PAYMENT_LINK,
    link.LINK_DEACTIVATE,
    link.SESSION_EXPIRE,
    intent.INTENT_CREATE,
    intent.INTENT_CHANGE,
    intent.INTENT_CONFIRM,
    intent.INTENT_CANCEL,
    refund.REFUND,
    text.TEXT,
    call.CALL,
    call.CALL_END,
    keypad.KEYPAD_ORDER,
    keypad.KEYPAD_STEP,
    saved_card.SETUP_CUSTOMER_CREATE,
    saved_card.SETUP_INTENT_CREATE,
    fee.FEE_CREATE,
    fee.FEE_CONFIRM,
    fee.FEE_REFUND,
    fee.FEE_CANCEL,
    knowledge_file.FILE_UPLOAD,
    knowledge_file.FILE_DELETE,
    number.NUMBER_PURCHASE,
    number.NUMBER_ADDRESS,
    number.NUMBER_SETUP,
    number.NUMBER_RELEASE,
    address.ADDRESS_CREATE,
    address.ADDRESS_DELETE,
    test_calls.FORWARDING_CALL,
    test_calls.SIP_CALL,
    query_tool.TOOL_CREATE,
    query_tool.TOOL_UPDATE,
    query_tool.TOOL_DELETE,
    query_tool.TOOL_DROP,
    assistant.ASSISTANT_CREATE,
    assistant.ASSISTANT_UPDATE,
    assistant.ASSISTANT_DELETE,
    squad.SQUAD_CREATE,
    squad.SQUAD_UPDATE,
    squad.SQUAD_DELETE,
    number_import.NUMBER_IMPORT,
    number_import.NUMBER_IMPORT_UPDATE,
    number_import.NUMBER_IMPORT_DELETE,
    login_list.LOGIN_LIST_CREATE,
    login_list.LOGIN_SET,
    login_list.LOGIN_LIST_DELETE,
    trunk.TRUNK_CREATE,
    trunk.TRUNK_LETS_IN,
    trunk.TRUNK_SENDS_ON,
    trunk.TRUNK_DELETE,
    trunk_at_vapi.TRUNK_KNOWN,
    trunk_at_vapi.TRUNK_KNOWN_ANEW,
    trunk_at_vapi.TRUNK_UNKNOWN,
    sip_number.SIP_NUMBER,
    sip_number.SIP_NUMBER_UPDATE,
    port.PORT_DOCUMENT_UPLOAD,
    port.PORT_REQUEST_CREATE,
    port.PORT_REQUEST_CANCEL,
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(effect: Effect) -> Kind:
    """The kind of `effect`. An effect written by a newer release gets a stand-in kind that is shown
    but never sent, looked up, recorded or settled here: that release does all of it.
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
        send=_leave_to_newer,
        find=_leave_to_newer,
    )


def _leave_to_newer(effect: Effect) -> Json:
    message = f"effect {effect.id} ({effect.kind}) is a newer release's. Run that release."
    raise ProviderError(effect.provider, "retry_later", message, "newer_release")
