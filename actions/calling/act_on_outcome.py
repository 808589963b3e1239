"""What a call makes us stop, and what it hands to staff: opt-outs, suppressed numbers, holds and
escalations, each once, even if the agent's tools and the report overlap.
"""

from datetime import datetime

from actions.contact.escalate import open_escalation
from actions.contact.postpone import LATER, postpone_contact
from models.accounts.account import Account
from models.calling.call import Call
from models.contact.consent import Consent
from models.contact.hold import Hold, customer_key
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.contact.work_item import WorkItem
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.calling.call_analysis import Consequences
from rules.calling.ended_reasons import FORWARDED, NOT_PLACED, meaning_of
from rules.calling.tool_definitions import REASONS
from rules.contact.phones import phone_or_empty

SOURCE = "call"
WRONG = "wrong_number"  # an opt-out's words, if the number is somebody else's
UNKNOWN_CALLER = "A caller was not verified: {what}. Read the call to find out who it was."
UNKNOWN_OPT_OUT = (
    "A caller with a withheld number opted out. Find out from the call who it was, and record the"
    " opt-out."
)


def act_on_outcome(call: Call, follows: Consequences, now: datetime) -> None:
    """Do what follows from a call that has ended, in the open transaction."""
    if call.customer_id is not None:  # before the numbers, as all code does
        serialize_on(customer_key(call.customer_id))
    if follows.stops:
        opt_out_caller(call, follows, now)
    _suppress_numbers(call, follows, now)
    meaning = meaning_of(call.ended_reason)
    if meaning.outcome == NOT_PLACED and meaning.advice:
        _open_calling_trouble(call, meaning.advice)
    if call.customer_id is None:
        _open_unknown_caller_item(call, follows)
        return
    customer = Customer.get_by_id(call.customer_id)
    due = _postpone(call, customer) if follows.later else None
    for reason in filter(None, (follows.escalation, "" if meaning.outcome else "unknown_outcome")):
        _escalate(call, customer, reason, due)


def opt_out_caller(call: Call, follows: Consequences, now: datetime) -> None:
    """Record an opt-out for each of the customer's numbers, in the open transaction; for the line
    alone if a stranger answered there, who cannot decide about the customer's other numbers.
    """
    if call.customer_id is not None:
        serialize_on(customer_key(call.customer_id))
    numbers, line = numbers_of(call), phone_or_empty(call.line)
    if call.verified_at is None and (follows.is_wrong_number or _is_known_as_wrong(call, line)):
        numbers = [line] * bool(line)
    if not numbers:
        open_unknown_opt_out_item(call)
        return
    serialize_on(*map(person_key, numbers))  # all numbers first, then the courses
    for number in numbers:
        _stop(call, number, min(call.ended_at or now, now))


def _is_known_as_wrong(call: Call, line: str) -> bool:
    """Whether the assistant's tool has recorded in the call that the line is somebody else's."""
    of_call = "phone = ? AND account_id = ? AND reference = ? AND words = ?"
    return OptOut.has(of_call, line, call.account_id, call.id, WRONG)


def _postpone(call: Call, customer: Customer) -> datetime | None:
    """Put a hold on the customer until tomorrow, unless they have named a time in the call."""
    if Hold.has("customer_id = ? AND kind = ? AND recorded_by = ?", customer.id, LATER, call.actor):
        return None
    return postpone_contact(customer, LATER, call.line, call.actor, call_id=call.id)


def open_doubt_item(call: Call, words: str, about: str = "") -> None:
    """Open a work item to find out what became of a call; `about` names a question that the call's
    end does not answer, if not empty.
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
    """The numbers of the person on the other end: the line, if it is shown, and theirs, if the
    customer is known. Sorted, which is the order of locks.
    """
    named = {call.line}
    if call.customer_id is not None:
        customer = Customer.get_by_id(call.customer_id)
        named |= {number for _, number in Consent.numbers_of([customer])}
    return sorted(set(filter(None, map(phone_or_empty, named))))


def open_unknown_opt_out_item(call: Call) -> None:
    """Open a work item about an opt-out from an unknown caller with a withheld number."""
    WorkItem.open(
        call.account_id,
        "call",
        f"{call.id}:stop",
        UNKNOWN_OPT_OUT,
        context={"callId": call.id, "verified": False},
    )


def _open_unknown_caller_item(call: Call, follows: Consequences) -> None:
    """Leave to staff what a caller said who was not verified, unless the assistant's tool did; that
    they wanted a person is no matter if they were connected with one.
    """
    if follows.escalation == "asked_for_person" and call.ended_reason == FORWARDED:
        return
    subjects = [f"{call.id}:{reason}" for reason in REASONS]
    marks = ", ".join("?" for _ in subjects)
    if follows.escalation and not WorkItem.has(
        f"kind = 'call' AND subject IN ({marks})", *subjects
    ):
        WorkItem.open(
            call.account_id,
            "call",
            f"{call.id}:{follows.escalation}",
            UNKNOWN_CALLER.format(what=follows.words),
            context={"callId": call.id, "phone": call.line, "verified": False},
        )


def _suppress_numbers(call: Call, follows: Consequences, now: datetime) -> None:
    """Suppress a number that we called if it is wrong or dead."""
    if call.direction != "outbound":
        return
    if follows.is_wrong_number:
        said = "The person who answered said it is a wrong number"
        _suppress(call, call.to, CHANNELS, WRONG, said, now)
    meaning = meaning_of(call.ended_reason)
    if meaning.outcome == "dead_line":
        _suppress(call, call.to, ("voice",), "dead_line", meaning.advice, now)


def _stop(call: Call, phone: str, said_at: datetime) -> None:
    """Record an opt-out as of the call, because the last wish counts, however late the call is
    reported. One that the call has recorded already is not repeated: the person may have opted in
    again since.
    """
    if all(OptOut.holds(call.account_id, (), phone, channel) for channel in CHANNELS):
        return
    known = OptOut.all(
        "phone = ? AND account_id = ? AND reference = ?", phone, call.account_id, call.id
    )
    if any(set(row.channels) == set(CHANNELS) for row in known):
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


def _escalate(call: Call, customer: Customer, reason: str, due: datetime | None = None) -> None:
    context = {"callId": call.id, "verified": call.verified_at is not None}
    account = Account.get_by_id(call.account_id)
    open_escalation(account, customer, None, reason, context, due, subject=call.id, by=call.actor)


def _open_calling_trouble(call: Call, advice: str) -> None:
    """Open one work item, not one per call, for a reason that prevents calls and needs mending;
    reopen it if the reason is back.
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
