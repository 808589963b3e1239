"""Record an inbound call from Vapi's first message about it, whichever that is: a tool call, a
status, or the report at its end.
"""

from datetime import timedelta

from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.deployment.phone_line import PhoneLine
from models.transactions import transaction
from providers.vapi.calls import VapiCall
from rules.calling.call_states import state_of
from rules.deployment.payments_member import LONGEST_CALL
from runtime.clock import real_now

LONGEST = timedelta(seconds=2 * LONGEST_CALL)


def receive_call(report: VapiCall) -> None:
    """Create the row of an inbound call unless it exists, in a transaction of its own, because
    recording anything else about the call takes other locks first.

    It takes a slot even if none is free: no caller is turned away, and we place one call less in
    the meantime.
    """
    if report.direction != "inbound" or not report.id or Call.by_vapi_id(report.id) is not None:
        return
    number = report.phone_number_id
    line = PhoneLine.one("vapi_id = ? AND holds_slot", number) if number else None
    if line is None:
        return
    now = real_now()
    deadline = now + LONGEST
    with transaction():
        call = Call.receive(
            line.account_id,
            report.id,
            caller=report.customer_number[:40],
            to=line.e164 or "",
            now=now,
            phone_number_id=number,
            carrier_id=report.carrier_id or None,
            deadline=deadline,
        )
        if call is not None and state_of(report.status) != "ended":
            CallSlot.lease(call.id, deadline, now)
