"""Verify a caller: answers are compared with our records here, never by the model.

Two tries per call, and six a day per customer; after that no caller is verified as them, and staff
take over. The answers themselves are stored nowhere.
"""

from datetime import datetime
from functools import reduce

from actions.calling.tools.debts import unpaid_bills
from actions.calling.tools.tool_request import ToolRequest
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.tool_call import ToolCall
from models.contact.hold import customer_key
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import execute, serialize_on, transaction
from rules.calling.tool_replies import (
    ALREADY_VERIFIED,
    ONE_MORE_TRY,
    ONE_MORE_TRY_OF_CALLER,
    TRIES_USED_UP,
    VERIFIED,
)
from rules.calling.verification import (
    TRIES,
    TRIES_A_DAY,
    Answers,
    Kept,
    is_verified,
    missing,
    plain,
    same_person,
)
from runtime.clock import real_now

_HOUSEHOLD = 5  # customers at one number; more are not one household
_NUMBERS = 50  # bills of one customer whose numbers are compared
# a bill's number without what is written between its parts, much as `plain`
_PLAIN = reduce(lambda text, sign: f"replace({text}, '{sign}', '')", "-/._# ", "lower(number)")


def verify_caller(request: ToolRequest) -> str:
    """Compare the caller's answers, once: the same answers under another id are not a second
    try.
    """
    answers = Answers(
        request.text("fullName"), request.text("postalCode"), request.text("invoiceNumber")
    )
    if request.call.verified_at is not None:
        return ALREADY_VERIFIED
    lacks = missing(answers)
    if lacks:
        return f"Nothing was compared yet. Ask for the caller's {lacks}, then call this again."
    told = _told(request, ToolCall.verification_attempts(request.call), answers)
    if told:  # answered without waiting for locks
        return told
    # before the transaction: all of the account's bills may have to be searched
    right, tried = _matches(request, answers)
    with transaction():
        call = Call.locked(request.call.id)
        return _compare(request, call, answers, right, tried)


def _told(request: ToolRequest, tries: list[ToolCall], answers: Answers) -> str:
    """What the call was told already about these answers, or that it has no more tries; else ""."""
    wish = _wish(request, answers)
    known = next((row for row in tries if request.called.id == row.tool_call_id), None)
    known = known or next((row for row in tries if row.wish == wish), None)
    if known is not None:
        return known.answer
    return TRIES_USED_UP if len(tries) >= TRIES else ""


def _wish(request: ToolRequest, answers: Answers) -> str:
    return f"{request.called.name}:{answers.digest}"


def _matches(request: ToolRequest, answers: Answers) -> tuple[list[Customer], list[Customer]]:
    """The customers whom the answers match, and those against whom the try counts."""
    own = _at_the_line(request)
    right = _right(request, own, answers)
    is_outbound = request.call.direction == "outbound"
    named = [] if right or is_outbound else _billed(request, answers)
    # in a household, a try counts against the members with the name given
    people = sorted({who.id: who for who in (*own, *named)}.items())
    tried = [who for _, who in people if same_person(answers.name, who.name)]
    alone = own or named
    tried = tried or (alone if len(alone) == 1 else [])
    return right or _right(request, named, answers), tried


def _compare(
    request: ToolRequest,
    call: Call,
    answers: Answers,
    right: list[Customer],
    tried: list[Customer],
) -> str:
    if call.verified_at is not None:
        return ALREADY_VERIFIED
    tries = ToolCall.verification_attempts(call)
    told = _told(request, tries, answers)
    if told:
        return told
    now = real_now()
    guessed = _tries_used_up(tried, now)
    verified = len(right) == 1 and not guessed
    compared = right[0] if verified else next(iter(tried), None)
    last = len(tries) + 1 >= TRIES
    again = ONE_MORE_TRY if call.direction == "outbound" else ONE_MORE_TRY_OF_CALLER
    line = VERIFIED if verified else TRIES_USED_UP if last or guessed else again
    ToolCall.record(
        call,
        request.called.name,
        request.called.id,
        _wish(request, answers),
        now,
        customer_id=None if compared is None else compared.id,
        answer=line,
        failed=not verified,
    )
    if verified:
        is_known = call.customer_id is not None
        call.record_verified(now, None if is_known else right[0].id)
        if not is_known:  # from now on the call is about what this customer owes
            call.add_invoices(unpaid_bills(Call.get_by_id(call.id)))
    AuditEntry.record(
        request.actor,
        "caller.verified" if verified else "caller.not_verified",
        f"call:{call.id}",
        call.account_id,
        customer_id=None if compared is None else compared.id,
        tries=len(tries) + 1,
    )
    return line


def _tries_used_up(tried: list[Customer], now: datetime) -> bool:
    """Whether today's tries for one of these customers are used up.

    Locks the customers in order of id until the transaction ends, after the call, as when we place
    one: tries in other calls are counted one after the other, and a decision to contact a customer
    sees this call or is done.
    """
    if tried:
        serialize_on(*(customer_key(who.id) for who in tried))
    return any(ToolCall.failed_today(who.id, now) >= TRIES_A_DAY for who in tried)


def _right(request: ToolRequest, people: list[Customer], answers: Answers) -> list[Customer]:
    return [who for who in people if is_verified(answers, _on_file(request, who, answers))]


def _at_the_line(request: ToolRequest) -> list[Customer]:
    """The customer we called, or the household at the caller's number."""
    call = request.call
    if call.direction == "outbound":
        return [] if call.customer_id is None else [Customer.get_by_id(call.customer_id)]
    found = Customer.at_phone(request.line, [call.account_id]) if request.line else []
    return found if len(found) <= _HOUSEHOLD else []


def _billed(request: ToolRequest, answers: Answers) -> list[Customer]:
    """The customer whose bill the caller names, from whatever number, or else those with a bill
    whose number is read out alike.
    """
    account_id, number = request.call.account_id, answers.invoice_number
    if not plain(number):
        return []
    exact = Invoice.one_with("customer", "t.account_id = ? AND t.number = ?", account_id, number)
    if exact is not None:
        return [exact.customer]
    # the inner query needs only the index of the account's numbers
    alike = Invoice.all(
        "account_id = ? AND number IN (SELECT number FROM invoice"
        f" WHERE account_id = ? AND {_PLAIN} = ? LIMIT ?)",
        account_id,
        account_id,
        plain(number),
        _HOUSEHOLD,
    )
    return [Customer.get_by_id(each) for each in sorted({row.customer_id for row in alike})]


def _on_file(request: ToolRequest, who: Customer, answers: Answers) -> Kept:
    own = request.line in {who.phone, who.preferred_phone}
    code = str((who.address or {}).get("postalCode") or "")
    # read the bills' numbers only if they decide
    needed = plain(answers.invoice_number) and not (code and own)
    return Kept(who.name, code, _numbers(request.call, who) if needed else (), own)


def _numbers(call: Call, who: Customer) -> tuple[str, ...]:
    sql = (
        "SELECT number FROM invoice WHERE account_id = ? AND customer_id = ?"
        f" ORDER BY id DESC LIMIT {_NUMBERS}"
    )
    return tuple(row[0] for row in execute(sql, (call.account_id, who.id)).fetchall())
