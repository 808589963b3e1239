"""Which call of ours Vapi is speaking of."""

from actions.calling.receive import receive
from actions.calling.record_call_report import call_of as reported_call
from models.calling.call import Call
from providers.vapi.calls import read_call
from rules.calling.tools_payload import Json


def call_of(at_vapi: Json) -> Call | None:
    """The call of ours, with its account; None when there is none.

    A call that we placed may speak before Vapi's answer to our request is stored: it carries the
    id of our effect as its name. One that came in to a clinic's number is ours from now on.
    """
    told = read_call(at_vapi)
    if not told.id:
        return None
    known = Call.one_with("account", "t.vapi_id = ?", told.id)
    if known is not None:
        return known
    receive(told)
    found = reported_call(told)
    return None if found is None else Call.one_with("account", "t.id = ?", found.id)
