"""Which call of ours Vapi is speaking of."""

from datetime import timedelta

from models.base import transaction
from models.calling.call import Call
from models.deployment.phone_line import PhoneLine
from rules.calling.tools_payload import Json
from runtime.clock import real_now

LONGEST = timedelta(minutes=30)  # of a call that came in, with a margin
_INBOUND = "inboundPhoneCall"


def call_of(at_vapi: Json) -> Call | None:
    """The call of ours, with its account; None when there is none.

    A call that we placed may speak before Vapi's answer to our request is stored: it carries the
    id of our effect as its name. One that came in to a clinic's number is ours from now on.
    """
    vapi_id = _text(at_vapi, "id")
    if not vapi_id:
        return None
    known = Call.one_with("account", "t.vapi_id = ?", vapi_id)
    if known is not None:
        return known
    if _text(at_vapi, "type") == _INBOUND:
        return _received(at_vapi, vapi_id)
    name = _text(at_vapi, "name")
    return Call.one_with("account", "t.effect_id = ? AND t.vapi_id IS NULL", name) if name else None


def _received(at_vapi: Json, vapi_id: str) -> Call | None:
    """The row of a call that came in, made when it is first heard of."""
    number_id = _text(at_vapi, "phoneNumberId")
    line = PhoneLine.one("vapi_id = ? AND holds_slot", number_id) if number_id else None
    if line is None:
        return None
    customer = at_vapi.get("customer")
    caller = _text(customer, "number") if isinstance(customer, dict) else ""
    now = real_now()
    with transaction():
        known = Call.one_with("account", "t.vapi_id = ?", vapi_id)
        if known is not None:
            return known
        Call.receive(
            line.account_id,
            vapi_id,
            caller=caller,
            to=line.e164 or "",
            now=now,
            phone_number_id=number_id,
            carrier_id=_text(at_vapi, "phoneCallProviderId") or None,
            deadline=now + LONGEST,
        )
        return Call.one_with("account", "t.vapi_id = ?", vapi_id)


def _text(holder: Json, name: str) -> str:
    value = holder.get(name)
    return value[:100].replace("\0", "") if isinstance(value, str) else ""
