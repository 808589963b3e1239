"""A call that somebody makes to a clinic's number is ours from the first that Vapi tells of it, in
whichever way: a tool that its model calls, a status, or the report at its end.
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


def receive(told: VapiCall) -> None:
    """Make the row of a call that came in, unless it is there, in a transaction of its own: what is
    recorded of the call afterwards locks other things first.

    It takes a slot, though there be none: nobody who rings is turned away, and we place one call
    less meanwhile.
    """
    if told.direction != "inbound" or not told.id or Call.of_vapi(told.id) is not None:
        return
    number = told.phone_number_id
    line = PhoneLine.one("vapi_id = ? AND holds_slot", number) if number else None
    if line is None:
        return
    now = real_now()
    deadline = now + LONGEST
    with transaction():
        call = Call.receive(
            line.account_id,
            told.id,
            caller=told.customer_number[:40],
            to=line.e164 or "",
            now=now,
            phone_number_id=number,
            carrier_id=told.carrier_id or None,
            deadline=deadline,
        )
        if call is not None and state_of(told.status) != "ended":
            CallSlot.lease(call.id, deadline, now)
