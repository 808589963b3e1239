"""What a call makes us stop, and whom it makes us ask: opt-outs, suppressed numbers, holds and
escalations, each once however the agent's tools and its report overlap.
"""

from datetime import datetime

from actions.contact.escalate import open_escalation
from actions.contact.put_off import LATER, put_off
from models.accounts.account import Account
from models.calling.call import Call
from models.contact.hold import Hold, customer_key
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.contact.work_item import WorkItem
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.calling.call_analysis import Follows
from rules.calling.ended_reasons import NOT_PLACED, meaning_of
from rules.contact.phones import BadPhone, read_phone

SOURCE = "call"
WHOSE_STOP = (
    "Somebody who called from a withheld number wants to be left alone. Read in the call who it"
    " was, and record the opt-out."
)


def hand_over(call: Call, follows: Follows, now: datetime) -> None:
    """Do what follows from a call that has ended, in the open transaction."""
    if call.customer_id is not None:  # before their numbers, as everybody does
        serialize_on(customer_key(call.customer_id))
    if follows.stops:
        stop_contact(call, now)
    _suppress_numbers(call, follows, now)
    meaning = meaning_of(call.ended_reason)
    if meaning.outcome == NOT_PLACED and meaning.advice:
        _cannot_call(call, meaning.advice)
    if call.customer_id is None:
        return
    customer = Customer.get_by_id(call.customer_id)
    due = _put_off(call, customer) if follows.later else None
    for reason in filter(None, (follows.escalation, "" if meaning.outcome else "unknown_outcome")):
        _ask_a_person(call, customer, reason, due)


def stop_contact(call: Call, now: datetime) -> None:
    """They want to be left alone, in the open transaction: at each number of theirs."""
    if call.customer_id is not None:
        serialize_on(customer_key(call.customer_id))
    numbers = numbers_of(call)
    if not numbers:
        ask_whom_to_leave_alone(call)
        return
    serialize_on(*map(person_key, numbers))  # before what else a stop changes
    for number in numbers:
        _stop(call, number, min(call.ended_at or now, now))


def _put_off(call: Call, customer: Customer) -> datetime | None:
    """They want to be contacted another time: nobody does before tomorrow, unless they have named a
    time in the call.
    """
    if Hold.has("customer_id = ? AND kind = ? AND recorded_by = ?", customer.id, LATER, call.actor):
        return None
    line = call.to if call.direction == "outbound" else call.from_number
    return put_off(customer, LATER, line, call.actor, call_id=call.id)


def ask_about_doubt(call: Call, words: str, about: str = "") -> None:
    """Have a person find out what became of a call; `about` something that its end does not tell,
    where it is not empty.
    """
    WorkItem.open(
        call.account_id,
        "doubt",
        f"{call.id}:{about}" if about else call.id,
        words,
        customer_id=call.customer_id,
        suggested="done" if about else "ended",
        context={"callId": call.id, "effectId": call.effect_id},
    )


def numbers_of(call: Call) -> list[str]:
    """The numbers of whoever is at the other end: the line, if it is shown, and those on file of
    the person, where it is known who it is. In the order in which everybody locks them.
    """
    named = {call.to if call.direction == "outbound" else call.from_number}
    if call.customer_id is not None:
        customer = Customer.get_by_id(call.customer_id)
        named |= {customer.phone or "", customer.preferred_phone}
    return sorted(set(filter(None, map(_number, named))))


def ask_whom_to_leave_alone(call: Call) -> None:
    """Somebody wants to be left alone, and neither their number nor who they are is known."""
    WorkItem.open(
        call.account_id,
        "call",
        f"{call.id}:stop",
        WHOSE_STOP,
        context={"callId": call.id, "verified": False},
    )


def _number(named: str) -> str:
    try:
        return read_phone(named)
    except BadPhone:
        return ""


def _suppress_numbers(call: Call, follows: Follows, now: datetime) -> None:
    """Numbers that we rang and that are not theirs, or nobody's."""
    if call.direction != "outbound":
        return
    if follows.is_wrong_number:
        said = "Who answers says that it is not theirs"
        _suppress(call, call.to, CHANNELS, "wrong_number", said, now)
    meaning = meaning_of(call.ended_reason)
    if meaning.outcome == "dead_line":
        _suppress(call, call.to, ("voice",), "dead_line", meaning.advice, now)


def _stop(call: Call, phone: str, said_at: datetime) -> None:
    """Of several wishes the last one counts, however late the call is told of."""
    if all(OptOut.holds(call.account_id, (), phone, channel) for channel in CHANNELS):
        return
    OptOut.record(
        call.account_id,
        phone,
        "stop",
        CHANNELS,
        words="said so in a call",
        source=SOURCE,
        reference=call.id,
        recorded_by=call.actor,
        at=said_at,
    )


def _suppress(
    call: Call, phone: str, channels: tuple[str, ...], code: str, why: str, now: datetime
) -> None:
    for channel in channels:
        PhoneSuppression.suppress(call.account_id, phone, channel, code, why, now)


def _ask_a_person(call: Call, customer: Customer, reason: str, due: datetime | None = None) -> None:
    context = {"callId": call.id, "verified": call.verified_at is not None}
    account = Account.get_by_id(call.account_id)
    open_escalation(account, customer, None, reason, context, due, subject=call.id, by=call.actor)


def _cannot_call(call: Call, advice: str) -> None:
    """Calls are not placed, for a reason that somebody has to mend: said once, not for each, and
    anew where it has come back.
    """
    context = {"callId": call.id, "endedReason": call.ended_reason}
    item = WorkItem.open(
        call.account_id,
        "call",
        f"{call.account_id}:{call.ended_reason}"[:200],
        advice,
        customer_id=call.customer_id,
        suggested="skip",
        context=context,
    )
    if not item.is_open:
        item.open_again(advice, context)
