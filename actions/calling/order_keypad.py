"""Order, from outside the call, that a card is entered on the keypad during an assistant's call.

The order starts nothing at Twilio: the assistant is told of it, and input is taken only once its
own tool has asked the caller for consent, naming the amount, and got a yes. That tool belongs to
the squad member whose keypad input is off.
"""

from actions.calling.tools.debts import is_unpaid
from actions.payments.chargeable import check_balance_chargeable
from actions.payments.payable import check_books_are_read, check_charges_run, check_payable
from delivery.perform_now import stage_now, take_due
from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.invoices.invoice import Invoice
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.settings import get_settings

IN_CALL = "in_call"
MOST_ENTRIES = 2  # card entries in one call
TWILIOS = "CA"  # the prefix of Twilio's call ids


def order_keypad(invoice: Invoice, call: Call, actor: str) -> tuple[KeypadSession, int | None]:
    """Order that the locked invoice's balance is paid in the account's `call` by a card entered on
    the keypad. Returns the session, and the job that tells the assistant. Raises Refused.
    """
    call = Call.locked(call.id)
    check_payable(invoice)
    check_charges_run(invoice.account_id)
    check_books_are_read(invoice)
    check_balance_chargeable(invoice)
    if why := _why_not(invoice, call):
        raise Refused("keypad_unavailable", why)
    if KeypadSession.in_progress(call) is not None:
        raise Refused(
            "payment_in_progress",
            f"A card entry is already ordered or in progress in call {call.id}; wait for its"
            " outcome.",
        )
    if not get_settings().vapi_public_key:
        raise Refused(
            "not_configured",
            "VAPI_PUBLIC_KEY is not set, so assistants cannot be told anything during a call; copy"
            " it from the Vapi dashboard, Organization → API Keys.",
        )
    session = KeypadSession.order(call, invoice, real_now())
    AuditEntry.record(
        actor,
        "keypad.ordered",
        f"call:{call.id}",
        call.account_id,
        invoice_id=invoice.id,
        amount=session.amount,
        currency=invoice.currency,
    )
    job_id = stage_now("order_card_entry", session.id, session.id, fair_to=session.account_id)
    return session, job_id


def claim_order(session_id: str) -> int | None:
    """Claim the job that tells the assistant of a session, if it is due and no worker has begun
    it.
    """
    return take_due("order_card_entry", session_id)


def _why_not(invoice: Invoice, call: Call) -> str:
    """Why no card can be entered in the call for the invoice, and what to do, or "" if one can."""
    chosen = AccountSettings.of_account(call.account_id)
    link = "Send a payment link instead."
    reasons = {
        "This clinic takes no cards by keypad. Set paymentCollection to in_call and keypadPayments"
        " in its settings, and deploy again.": not chosen.keypad_payments
        or chosen.payment_collection != IN_CALL,
        f"Call {call.id} is not in progress. Name a call that is.": not call.is_live,
        f"The caller in call {call.id} is not verified yet. Ask again once verifiedAt is"
        " set.": call.verified_at is None,
        f"Call {call.id} is not about invoice {invoice.number}. Name a call that is.": (
            not is_unpaid(call, invoice.id)
        ),
        f"Call {call.id} does not go through Twilio, which reads the keypad. {link}": bool(
            call.carrier_id
        )
        and not (call.carrier_id or "").startswith(TWILIOS),
        f"Two card entries have failed in call {call.id}, which is the limit. {link}": (
            KeypadSession.failures(call) >= MOST_ENTRIES
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
