"""Find our call from the call in a message of Vapi's."""

from actions.calling.receive import receive_call
from actions.calling.record_call_report import call_of as reported_call
from models.calling.call import Call
from providers.vapi.calls import read_call
from rules.calling.tool_payloads import Json


def call_of(at_vapi: Json) -> Call | None:
    """Our call with its account, or None if it is not ours.

    A call that we placed may send messages before Vapi's answer to our request is stored: its name
    is the id of our effect. An inbound call to a clinic's number is recorded here if it is new.
    """
    report = read_call(at_vapi)
    if not report.id:
        return None
    known = Call.one_with("account", "t.vapi_id = ?", report.id)
    if known is not None:
        return known
    receive_call(report)
    found = reported_call(report)
    return None if found is None else Call.one_with("account", "t.id = ?", found.id)
