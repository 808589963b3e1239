"""The secure card form: staff take a card while a customer is on the phone; the number goes to
Stripe's frame only.

`/invoices/{id}/card` opens it for an operator, `/api/invoices/{id}/card-forms` for the clinic's own
software, and `/card/{token}` is the page. A charge takes the path of `/api/payments/phone`.

The page has no cookie that another site could exploit (CSRF): the token in its URL is the right to
charge, and another site does not know it. The token is encrypted, valid for half an hour, and
stored nowhere.
"""

from datetime import datetime, timedelta
from typing import Any

import falcon

from actions.invoices.invoices import find_invoice
from actions.payments.charge import charge
from actions.payments.chargeable import check_balance_chargeable
from actions.payments.payable import check_payable
from actions.payments.plan_attempt import plan_attempt
from actions.payments.refused_attempts import attempting
from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import transaction
from rules.money import in_words
from runtime.clock import real_now, rfc3339
from runtime.errors import Refused
from runtime.killpoint import killpoint
from runtime.settings import get_settings
from web.http.body import Body, check, read_json
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.fields import Amount, Email, PaymentMethodId
from web.http.guards.auth import caller_of, need
from web.http.guards.sessions import require_session
from web.http.idempotency import idempotent
from web.http.outcome import accept
from web.http.problems import Problem
from web.openapi.openapi import documented
from web.payments.card_page import show_card_page, show_refusal
from web.payments.card_tokens import LIFE, CardForm, read_token
from web.payments.confirm_payment import answered_later, resume_charge
from web.payments.payment_outcome import answer_outcome
from web.payments.responses import CardFormShown

GRACE = timedelta(minutes=15)  # for which an expired form still tells of its charges
OPENING_PROBLEMS = (
    "invoice_already_paid",
    "invoice_not_payable",
    "payment_in_progress",
    "payment_refused",
    "staff_form_off",
    "not_configured",
)


class FormRequest(Body):
    """Empty body."""


class CardCharge(Body):
    """What to charge: a payment method made by Stripe's frame, and the amount (minor units)."""

    payment_method_id: PaymentMethodId
    amount: Amount
    receipt_email: Email | None = None


class OpenCardForm:
    """`/invoices/{invoice_id}/card`"""

    def on_get(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """Open a form for the signed-in operator and redirect to it."""
        session = require_session(req)
        try:
            invoice = _invoice(invoice_id)
            need(session.rights, "act", invoice.account_id)
            form = open_form(invoice, f"operator:{session.name}")
        except Refused as problem:
            show_refusal(resp, problem)
            return
        resp.status, resp.location = falcon.HTTP_303, f"/card/{form.token}"


class CardForms:
    """`/api/invoices/{invoice_id}/card-forms`"""

    @documented("Payments", {201: CardFormShown}, body=FormRequest, problems=OPENING_PROBLEMS)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> DeferredAnswer:
        """Open a form on which the clinic's staff take a card.

        Its URL is valid for 30 minutes and for this invoice only.
        """
        check(FormRequest, document)
        with transaction():
            form = open_form(find_invoice(caller_of(req).own, invoice_id), caller_of(req).actor)
        return DeferredAnswer(f"{invoice_id}:{rfc3339(form.until)}", nothing_to_perform)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """201 with the URL, which is sealed again each time, since it is not stored."""
        invoice_id, _, until = reference.partition(":")
        form = CardForm(invoice_id, caller_of(req).actor, datetime.fromisoformat(until))
        resp.status = falcon.HTTP_201
        resp.media = {"url": f"{get_settings().public_url}/card/{form.token}", "expiresAt": until}


class CardPage:
    """`/card/{token}`: the form and its endpoints."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """The form, or a page that says why there is none."""
        try:
            form = read_token(token)
            invoice = _invoice(form.invoice_id)
            check_form(invoice)
        except Refused as problem:
            show_refusal(resp, problem)
            return
        show_card_page(resp, invoice, form)

    def on_post(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Charge once per payment method, however often it is posted: a page that got no answer
        posts again, though its form may have expired meanwhile. The body is JSON.
        """
        form, wanted = read_token(token, GRACE), check(CardCharge, read_json(req))
        with transaction():
            invoice = Invoice.locked(_invoice(form.invoice_id).id)
            known = PaymentConfirmation.with_card(invoice, wanted.payment_method_id)
            later = (
                DeferredAnswer(f"charge:{known.id}", resume_charge(f"charge:{known.id}"))
                if known
                else _charge(invoice, wanted, read_token(token))
            )
            killpoint("request.before_commit")
        killpoint("request.after_commit")
        charge_id = later.reference.partition(":")[2]
        accept(req, f"{req.path}/charges/{charge_id}")
        later.perform()
        _answer_outcome(resp, PaymentConfirmation.get_by_id(charge_id), form.actor)


class CardFormCharge:
    """`/card/{token}/charges/{charge_id}`"""

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, token: str, charge_id: str
    ) -> None:
        """The outcome of a charge made for this form's invoice."""
        form = read_token(token, GRACE)
        confirmation = PaymentConfirmation.get_or_none(PaymentConfirmation.id == charge_id)
        if confirmation is None or confirmation.attempt.invoice_id != form.invoice_id:
            raise Problem("not_found", f"This form's invoice has no charge {charge_id[:40]}.")
        _answer_outcome(resp, confirmation, form.actor)


def open_form(invoice: Invoice, opened_by: str) -> CardForm:
    """Open a form for the invoice, and audit it. Raises Problem 409 or 503."""
    check_form(invoice)
    form = CardForm(invoice.id, opened_by, real_now() + LIFE)
    AuditEntry.record(
        opened_by,
        "card_form.opened",
        f"invoice:{invoice.id}",
        invoice.account_id,
        until=rfc3339(form.until),
    )
    return form


def check_form(invoice: Invoice) -> None:
    """Raises Problem if no card can be taken for the invoice now, because of the account's
    settings, ours, or the invoice's state.
    """
    check_allowed(invoice)
    check_payable(invoice)
    check_balance_chargeable(invoice)
    needed = {
        "STRIPE_PUBLISHABLE_KEY": get_settings().stripe_publishable_key,
        "PAYPHONE_SECRET_KEY": get_settings().payphone_secret_key,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise Problem(
            "not_configured",
            f"The card form needs {' and '.join(missing)} to be set. Ask the operator of this"
            " installation.",
        )


def check_allowed(invoice: Invoice) -> None:
    """Raises Problem 409 if the account takes cards by payment link only."""
    by_link = (AccountSettings.account == invoice.account_id) & (
        AccountSettings.staff_entry == "link_only"
    )
    if AccountSettings.select().where(by_link).exists():
        raise Problem(
            "staff_form_off",
            "This clinic takes cards by payment link only. Send the link, or set staffEntry to form"
            " in its settings.",
        )


def _invoice(invoice_id: str) -> Invoice:
    invoice: Invoice | None = Invoice.get_or_none(Invoice.id == invoice_id)
    if invoice is None:
        raise Problem("not_found", f"There is no invoice {invoice_id[:40]}.")
    return invoice


def _charge(invoice: Invoice, wanted: CardCharge, form: CardForm) -> DeferredAnswer:
    """Request the charge of the locked invoice. Raises Problem."""
    card = wanted.payment_method_id
    with attempting(invoice, wanted.amount, form.actor, card):
        check_allowed(invoice)
        attempt, jobs = plan_attempt(invoice, wanted.amount, wanted.receipt_email, form.actor)
        return answered_later(charge(invoice, attempt, card, form.actor, jobs, by_phone=True))


def _answer_outcome(resp: falcon.Response, confirmation: PaymentConfirmation, actor: str) -> None:
    """Answer as `/api/payments/phone` does, without what the page need not know: 200 if Stripe says
    succeeded, 202 while the outcome is unknown.

    Raises Problem 402, 409 or 422 if nothing was charged.
    """
    answer_outcome(resp, f"charge:{confirmation.id}", actor)
    resp.delete_header("Location")  # points into the API, for which the page has no key
    outcome, processing = resp.media, resp.status == falcon.HTTP_202
    if not (outcome["success"] or processing):
        raise Problem(
            "payment_refused",
            f"The payment is {outcome['status']} at Stripe; nothing was charged. Send the payment"
            " link instead.",
        )
    outstanding, currency = outcome["invoice"]["outstandingBalance"], outcome["invoice"]["currency"]
    resp.media = {
        "charge": confirmation.id,
        "status": "processing" if processing else "succeeded",
        "amount": in_words(confirmation.amount, currency, "en_US"),
        "outstanding": in_words(outstanding, currency, "en_US") if outstanding else None,
    }
