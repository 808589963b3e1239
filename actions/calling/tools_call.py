"""Which call of ours Vapi is speaking of."""

from peewee import IntegrityError

from actions.calling.record_call_report import call_of as reported_call
from models.base import transaction
from models.calling.call import Call
from providers.vapi.calls import read_call
from rules.calling.tools_payload import Json
from runtime.clock import real_now

_OF_VAPI = "t.vapi_id = ?"


def call_of(at_vapi: Json) -> Call | None:
    """The call of ours, with its account; None when there is none.

    A call that we placed may speak before Vapi's answer to our request is stored: it carries the
    id of our effect as its name. One that came in to a clinic's number is ours from now on.
    """
    told = read_call(at_vapi)
    if not told.id:
        return None
    known = Call.one_with("account", _OF_VAPI, told.id)
    if known is not None:
        return known
    try:
        with transaction():
            found = reported_call(told, real_now())
    except IntegrityError:  # a report of the same call was first
        return Call.one_with("account", _OF_VAPI, told.id)
    return None if found is None else Call.one_with("account", "t.id = ?", found.id)
