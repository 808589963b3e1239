"""Paying during a call: by the card on file, after the person has said yes, or by keypad."""

from actions.calling.tools_asked import Asked
from actions.calling.tools_debts import chosen_bill, unpaid
from actions.payments.charge import Charge, charge_by_phone, resume, why_not_charged
from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from models.calling.call import Call
from models.calling.tool_call import ToolCall
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_confirmation import PaymentConfirmation
from rules.calling.tools_consent import consent_heard
from rules.calling.tools_words import (
    NO_CARDS_IN_CALLS,
    PAID,
    UNDER_WAY,
    ask_consent,
)
from rules.contact.places import places_of
from rules.money import in_words, to_major
from runtime.clock import real_now
from runtime.errors import Refused

SAVED_CARD, KEYPAD = "saved_card", "keypad"
IN_CALL = "in_call"
# N.Y. Gen. Bus. Law 519-a
NEW_YORKS_NOTICE = (
    "Paying a medical bill by credit card can mean that protections of medical debt, such as those"
    " against reporting it to credit agencies, no longer apply, and you need not pay by card to be"
    " treated."
)


def process_phone_payment(asked: Asked) -> str:
    """Charge the oldest bill's balance, once for each time that the person agreed. Raises
    Refused.
    """
    chosen = AccountSettings.of_account(asked.call.account_id)
    if chosen.payment_collection != IN_CALL:
        raise Refused("staff_form_off", NO_CARDS_IN_CALLS)
    if (asked.text("by") or SAVED_CARD) != SAVED_CARD:
        raise Refused("invalid", NO_CARDS_IN_CALLS)
    return _by_saved_card(asked)


def _by_saved_card(asked: Asked) -> str:
    last = ToolCall.last_of(asked.call, asked.called.name)
    if last is not None and last.tool_call_id == asked.called.id:
        return _went_on(last)
    if last is not None and not unpaid(asked.call):
        return _went_on(last)
    invoice_id, heard = chosen_bill(asked), asked.heard()
    charging: Charge | None = None
    with transaction():
        invoice, call = Invoice.locked(invoice_id), Call.locked(asked.call.id)
        wish = f"{asked.called.name}:{invoice.id}:{invoice.outstanding}"
        done = ToolCall.known(call, asked.called.id, wish)
        if done is None:
            # a yes that was acted upon does not count again
            said = heard[0 if last is None else last.heard :]
            shown = str(to_major(invoice.outstanding, invoice.currency))
            words = consent_heard(said, shown)
            charging = _charge(asked, invoice, call, wish, words, len(heard)) if words else None
        question = _ask(invoice)
    if charging is not None:
        charging.perform()
        return outcome_of(charging.confirmation_id)
    if done is not None:
        return _went_on(done)
    return question if last is None else f"{_went_on(last)} {question}"


def _charge(
    asked: Asked, invoice: Invoice, call: Call, wish: str, words: str, heard: int
) -> Charge:
    """Stage the charge of the locked invoice, with the words by which it was agreed to."""
    charging = charge_by_phone(invoice, None, None, asked.actor, call.id)
    done = ToolCall.keep(
        call,
        asked.called.name,
        asked.called.id,
        wish,
        real_now(),
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        amount=invoice.outstanding,
        subject=charging.confirmation_id,
        words=words,
        heard=heard,
    )
    AuditEntry.record(
        asked.actor,
        "charge.agreed_in_call",
        f"call:{call.id}",
        call.account_id,
        tool_call_id=done.id,
        invoice_id=invoice.id,
        amount=invoice.outstanding,
        currency=invoice.currency,
    )
    return charging


def _ask(invoice: Invoice) -> str:
    person: Customer = invoice.customer
    in_new_york = "NY" in places_of(person.preferred_phone, person.address).states
    return ask_consent(
        invoice.outstanding,
        invoice.currency,
        invoice.number,
        invoice.account.name,
        NEW_YORKS_NOTICE if in_new_york else "",
    )


def _went_on(done: ToolCall) -> str:
    """Do what is left to do of a charge, and tell what came of it."""
    with transaction():
        charging = resume(done.subject)
    charging.perform()
    return outcome_of(done.subject)


def outcome_of(confirmation_id: str) -> str:
    """What came of a charge; only Stripe's `succeeded` is success. Raises Refused for one that took
    no money.
    """
    confirmation = PaymentConfirmation.get_by_id(confirmation_id)
    if confirmation.state in {"declined", "refused"}:
        raise why_not_charged(confirmation)
    attempt = confirmation.attempt
    payment = Payment.by_intent(attempt.stripe_account, attempt.intent_id or "")
    if payment is None or payment.status != "succeeded":
        return UNDER_WAY
    invoice = Invoice.get_by_id(attempt.invoice_id)
    amount = in_words(confirmation.amount, invoice.currency, "en_US")
    return PAID.format(amount=amount, number=invoice.number)
