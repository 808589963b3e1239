"""Read a PaymentIntent from Stripe and record it."""

import re
from typing import Any

from actions.payments.record_intent import record_intent
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.transactions import serialize_on, transaction
from providers.errors import ProviderError
from providers.stripe.events import read_intent as finding_of
from providers.stripe.intents import get_intent
from runtime.errors import Refused

INTENT_ID = re.compile(r"pi_\w{1,120}", re.ASCII)

Json = dict[str, Any]


def read_intent(invoice_id: str, intent_id: str, actor: str) -> tuple[Payment, Json]:
    """Read an intent from Stripe and record it. Return its payment and Stripe's object. Raises
    Refused `not_found` when it is not this invoice's, `provider_unavailable` when Stripe does not
    answer.
    """
    invoice = Invoice.get_by_id(invoice_id)
    if not INTENT_ID.fullmatch(intent_id):  # anything else could form another path in Stripe's API
        raise Refused(
            "not_found",
            f"Invoice {invoice.number} has no such payment intent; its id begins with pi_.",
        )
    ours = PaymentAttempt.get_or_none(
        (PaymentAttempt.intent_id == intent_id) & (PaymentAttempt.invoice == invoice)
    )
    # the clinic may have connected its own Stripe account since
    stripe_account = ours.stripe_account if ours else invoice.account.stripe_account or ""
    try:
        intent = get_intent(intent_id, stripe_account)
    except ProviderError as error:
        code = "not_found" if error.code == "resource_missing" else "provider_unavailable"
        raise Refused(
            code,
            (
                f"Stripe has no payment intent {intent_id[:40]}."
                if code == "not_found"
                else "Stripe did not answer; try again."
            ),
        ) from error
    found, known = finding_of(intent), Payment.by_intent(stripe_account, intent_id)
    belongs = (found.belonging.account_id, found.belonging.invoice_id) == (
        invoice.account_id,
        invoice.id,
    )
    if known.invoice_id != invoice.id if known else not belongs:
        raise Refused(
            "not_found", f"Invoice {invoice.number} has no payment intent {intent_id[:40]}."
        )
    with transaction():
        serialize_on(intent_id)  # lock order: the intent, then its invoice
        record_intent(Invoice.locked(invoice_id), stripe_account, found, actor)
    return (
        Payment.get((Payment.stripe_account == stripe_account) & (Payment.intent_id == intent_id)),
        intent,
    )
