"""Pay during a call: by the card on file, once the caller has said yes, or by keypad."""

from actions.calling.keypad import begin_session, perform_first_steps, reply_for_session
from actions.calling.order_keypad import IN_CALL, MOST_ENTRIES, TWILIOS
from actions.calling.tools.debts import chosen_bill, is_unpaid, unpaid_bills
from actions.calling.tools.tool_request import ToolRequest
from actions.payments.charge import Charge, charge_by_phone, resume, why_not_charged
from actions.payments.chargeable import check_balance_chargeable
from actions.payments.payable import check_charges_run, check_payable
from actions.payments.refused_attempts import attempt_of, attempting
from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.calling.tool_call import ToolCall
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import transaction
from rules.calling.charge_consent import consent_heard
from rules.calling.tool_definitions import KEYPAD, SAVED_CARD
from rules.calling.tool_payloads import Utterance
from rules.calling.tool_replies import (
    NO_CARDS_IN_CALLS,
    NO_KEYPAD,
    NO_MORE_ENTRIES,
    NO_SUCH_WAY,
    NOT_BY_CARD,
    NOTHING_LEFT,
    PAID,
    UNDER_WAY,
    ask_consent,
    reply_for,
)
from rules.contact.card_notice import LANGUAGES, CardNotice, card_notice
from rules.money import in_words, to_major, unchargeable
from runtime.clock import business_now, real_now
from runtime.errors import Refused


def process_phone_payment(request: ToolRequest) -> str:
    """Charge the oldest bill's balance, once for each time the caller agreed. Raises Refused."""
    chosen = AccountSettings.of_account(request.call.account_id)
    by = request.text("by") or SAVED_CARD
    if chosen.payment_collection != IN_CALL:
        raise _refusal_of_way(request, by, Refused("staff_form_off", NO_CARDS_IN_CALLS))
    if by not in {SAVED_CARD, KEYPAD}:
        raise _refusal_of_way(request, by, Refused("invalid", NO_SUCH_WAY))
    if by == KEYPAD and not chosen.keypad_payments:
        raise _refusal_of_way(request, by, Refused("invalid", NO_KEYPAD))
    return _pay(request, by)


def _refusal_of_way(request: ToolRequest, by: str, refused: Refused) -> Refused:
    """The refusal of a way to pay that the clinic does not offer, recorded as an attempt to pay the
    bill.
    """
    for invoice in unpaid_bills(request.call)[:1]:
        refused.attempt = attempt_of(invoice, None, request.actor, request.called.name, by)
    return refused


def _pay(request: ToolRequest, by: str) -> str:
    last = ToolCall.last_of(request.call, request.called.name)
    if last is not None and (last.tool_call_id == request.called.id or _means_last(last, request)):
        return _resume(last)
    if last is not None and _is_being_entered(last):
        return _resume(last)
    invoice_id, heard = _bill(request, by), request.heard()
    begun: Charge | KeypadSession | None = None
    with transaction():
        invoice, call = Invoice.locked(invoice_id), Call.locked(request.call.id)
        # a failed entry can be started again
        begun_before = KeypadSession.failures(call) if by == KEYPAD else 0
        wish = f"{request.called.name}:{invoice.id}:{invoice.outstanding}:{by}:{begun_before}"
        done = ToolCall.find(call, request.called.id, wish)
        # report the last payment's outcome even if the next bill cannot be paid by card
        is_for_card = last is None or not unchargeable(invoice.outstanding, invoice.currency)
        if done is None and is_for_card:
            with attempting(invoice, None, request.actor, wish):
                begun = _begin_if_agreed(request, heard, invoice, call, wish, by, last)
        question = _ask(invoice, by) if is_for_card else NOT_BY_CARD.format(number=invoice.number)
    if begun is not None:
        return _perform(begun)
    if done is not None:
        return _resume(done)
    return question if last is None else f"{_last_outcome(last)} {question}"


def _bill(request: ToolRequest, by: str) -> str:
    """The bill to pay: the one for which the clinic has ordered a card entry, else the oldest.
    Raises Refused.
    """
    ordered = KeypadSession.ordered(request.call) if by == KEYPAD else None
    if (
        ordered is not None
        and request.text("invoiceId") in {"", ordered.invoice_id}
        and is_unpaid(request.call, ordered.invoice_id)
    ):
        return ordered.invoice_id
    return chosen_bill(request).id


def _begin_if_agreed(
    request: ToolRequest,
    heard: tuple[Utterance, ...],
    invoice: Invoice,
    call: Call,
    wish: str,
    by: str,
    last: ToolCall | None,
) -> Charge | KeypadSession | None:
    """Begin the payment if the caller has agreed to it since being asked, or return None. Raises
    Refused.
    """
    # do not ask for consent, or a card, for an amount that Stripe does not accept
    check_balance_chargeable(invoice)
    # only an answer to our question counts, and a yes that was acted on does not count again
    asked_at = _asked_at(request, call, wish, len(heard))
    said = heard[max(asked_at, 0 if last is None else last.heard) :]
    shown = str(to_major(invoice.outstanding, invoice.currency))
    words = consent_heard(said, shown, _notices(invoice))
    if not words:
        return None
    begun = _begin(request, by, invoice, call)
    subject = begun.id if isinstance(begun, KeypadSession) else begun.confirmation_id
    _keep_consent(request, invoice, call, wish, words, len(heard), subject)
    return begun


def _asked_at(request: ToolRequest, call: Call, wish: str, heard: int) -> int:
    """How much had been said when the model was first given this wish's question; that is now, if
    it was not given yet.
    """
    question = f"{wish}?"
    row = ToolCall.one("call_id = ? AND wish = ?", call.id, question)
    if row is None:
        # under an id of its own: the tool call's id is for what is done
        name, own_id = request.called.name, f"{question}{request.called.id}"
        row = ToolCall.record(call, f"{name}?", own_id, question, real_now(), heard=heard)
    return row.heard


def _last_outcome(last: ToolCall) -> str:
    """The outcome of the last payment, whatever it was: the caller is asked about the next one."""
    try:
        return _resume(last)
    except Refused as refused:
        return reply_for(refused.code, refused.detail)


def _means_last(last: ToolCall, request: ToolRequest) -> bool:
    """Whether only the last payment can be meant: no bill is left, or the id given is its
    bill's.
    """
    named = request.text("invoiceId")
    is_paid = named == last.invoice_id and not is_unpaid(request.call, named)
    return is_paid or not unpaid_bills(request.call, 1)


def _is_being_entered(last: ToolCall) -> bool:
    session = KeypadSession.one("id = ?", last.subject)
    return session is not None and session.is_open


def _begin(request: ToolRequest, by: str, invoice: Invoice, call: Call) -> Charge | KeypadSession:
    if by == SAVED_CARD:
        return charge_by_phone(invoice, None, None, request.actor, call.id)
    check_payable(invoice)
    check_charges_run(invoice.account_id)
    if KeypadSession.failures(call) >= MOST_ENTRIES:
        raise Refused("invalid", NO_MORE_ENTRIES)
    carrier_id = request.carrier_id or call.carrier_id or ""
    if not carrier_id.startswith(TWILIOS):
        raise Refused("invalid", NO_KEYPAD)
    return begin_session(request, invoice, call, carrier_id)


def _perform(begun: Charge | KeypadSession) -> str:
    if isinstance(begun, KeypadSession):
        return perform_first_steps(begun)
    begun.perform()
    return outcome_of(begun.confirmation_id)


def _keep_consent(
    request: ToolRequest,
    invoice: Invoice,
    call: Call,
    wish: str,
    words: str,
    heard: int,
    subject: str,
) -> None:
    """Store the words by which the caller agreed to the charge."""
    kept = ToolCall.record(
        call,
        request.called.name,
        request.called.id,
        wish,
        real_now(),
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        amount=invoice.outstanding,
        subject=subject,
        words=words,
        heard=heard,
    )
    AuditEntry.record(
        request.actor,
        "charge.agreed_in_call",
        f"call:{call.id}",
        call.account_id,
        tool_call_id=kept.id,
        invoice_id=invoice.id,
        amount=invoice.outstanding,
        currency=invoice.currency,
    )


def _ask(invoice: Invoice, by: str) -> str:
    notice = _notice(invoice, invoice.customer.language)
    return ask_consent(
        invoice.outstanding,
        invoice.currency,
        invoice.number,
        invoice.account.name,
        "" if notice is None else " ".join(notice.sentences),
        "the card you type in now" if by == KEYPAD else "your card on file",
    )


def _notice(invoice: Invoice, language: str | None) -> CardNotice | None:
    person: Customer = invoice.customer
    phones = [number for number in (person.phone, person.preferred_phone) if number]
    today = invoice.account.local_date(business_now())
    return card_notice(phones, person.address, language, today)


def _notices(invoice: Invoice) -> list[tuple[str, ...]]:
    """The notice that must be read out, in each language; empty if no state requires one."""
    found = [_notice(invoice, language) for language in LANGUAGES]
    return [notice.sentences for notice in found if notice is not None]


def _resume(done: ToolCall) -> str:
    """Perform what is left of a charge, and return its outcome. Raises Refused."""
    session = KeypadSession.one("id = ?", done.subject)
    if session is not None and session.confirmation_id is None:
        answer = "" if session.is_open else _settled_otherwise(session.invoice_id)
        return answer or reply_for_session(session)
    with transaction():
        charging = resume(done.subject if session is None else session.confirmation_id or "")
    charging.perform()
    return outcome_of(charging.confirmation_id)


def _settled_otherwise(invoice_id: str) -> str:
    """What to tell a caller whose card was not charged for a bill that was paid in the meantime, by
    link for instance; "" if it is not paid.
    """
    invoice = Invoice.get_by_id(invoice_id)
    return "" if invoice.status != "paid" else NOTHING_LEFT.format(number=invoice.number)


def outcome_of(confirmation_id: str) -> str:
    """The outcome of a charge; only Stripe's `succeeded` is success. Raises Refused if it took no
    money.
    """
    confirmation = PaymentConfirmation.get_by_id(confirmation_id)
    attempt = confirmation.attempt
    if confirmation.state in {"declined", "refused"}:
        if answer := _settled_otherwise(attempt.invoice_id):
            return answer
        raise why_not_charged(confirmation)
    payment = Payment.by_intent(attempt.stripe_account, attempt.intent_id or "")
    if payment is None or payment.status != "succeeded":
        return UNDER_WAY
    invoice = Invoice.get_by_id(attempt.invoice_id)
    amount = in_words(confirmation.amount, invoice.currency, "en_US")
    return PAID.format(amount=amount, number=invoice.number)
