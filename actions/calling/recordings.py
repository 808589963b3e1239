"""Listening to a call's recording. It is audited, and the recording's URL is stored nowhere."""

from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.transactions import transaction
from providers.errors import ProviderError
from providers.vapi.calls import recording_address
from runtime.errors import Refused


def open_recording(call: Call, actor: str) -> str:
    """The short-lived URL of the call's recording. Raises Refused `not_found` without one, and
    `provider_unavailable` if Vapi does not answer.
    """
    if not call.is_recorded or not call.vapi_id:
        raise Refused("not_found", f"Call {call.id} has no recording, or it is too old.")
    try:
        address = recording_address(call.vapi_id)
    except ProviderError as error:
        if error.outcome == "refused":
            raise Refused(
                "not_found", f"Vapi has no recording of call {call.id} any more."
            ) from error
        raise Refused("provider_unavailable", f"Vapi did not answer: {error}") from error
    with transaction():
        AuditEntry.record(actor, "call.recording_opened", f"call:{call.id}", call.account_id)
    return address
