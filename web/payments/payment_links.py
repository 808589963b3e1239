"""Payment links: requested by the clinic, followed by the payer."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import falcon

from actions.contact.request_text import contact_refused, pending_text, request_text, text_refusal
from actions.invoices.invoices import find_invoice
from actions.payments.chargeable import check_balance_chargeable
from actions.payments.make_link import make_link_now, plan_link
from actions.payments.payable import check_payable, payment_is_under_way
from actions.payments.refused_attempts import attempt_of, attempting, record_refused
from delivery.perform_now import perform_all, take_due
from models.contact.contact_decision import ContactDecision
from models.invoices.invoice import Invoice
from models.payments.payment_link import PayAddress, PaymentLink
from rules.contact.templates import FALLBACK, language_of
from rules.invoice_fold import UNPAID
from rules.pay_page_messages import SAID, UNKNOWN, Why
from runtime.clock import business_now
from runtime.settings import INTERACTIVE
from web.contact.responses import MessageShown
from web.http.body import Body, check
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.fields import Phone
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.pages import show_page
from web.openapi.openapi import documented
from web.payments.notice import notice_of
from web.payments.responses import LinkShown


class LinkRequest(Body):
    """How the link is sent: `sms` texts it once, `none` only creates it, for the clinic to read out
    or send itself.

    It is texted to the customer's number, or the one they asked to be contacted at, or to
    `phoneNumber` if the customer consented to that one. Without a `channel` it is texted only if
    there is a `phoneNumber`.
    """

    channel: Literal["sms", "none"] | None = None
    phone_number: Phone | None = None

    @property
    def is_texted(self) -> bool:
        """Whether the link is sent by text."""
        return self.channel == "sms" or (self.channel is None and self.phone_number is not None)


LINK_PROBLEMS = (
    "invoice_already_paid",
    "invoice_not_payable",
    "payment_in_progress",
    "payment_refused",
    "conflict",
    "contact_refused",
)


class InvoicePaymentLinks:
    """`/api/invoices/{invoice_id}/payment-links`"""

    @documented("Payment links", {202: LinkShown}, body=LinkRequest, problems=LINK_PROBLEMS)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> DeferredAnswer | None:
        """Create a payment link for the current balance and, if requested, text it.

        202 with its URL. 422 if the contact gate refuses the text.
        """
        account, actor = caller_of(req).own, caller_of(req).actor
        wanted = check(LinkRequest, document)
        find_invoice(account, invoice_id)
        invoice = Invoice.locked(invoice_id)
        with attempting(invoice, None, actor):
            check_payable(invoice)
            check_balance_chargeable(invoice)
        phone = wanted.phone_number or invoice.customer.preferred_phone
        texted = pending_text(invoice, phone) if wanted.is_texted else None
        refused = (
            text_refusal(invoice, phone, actor) if wanted.is_texted and texted is None else None
        )
        if refused is not None:
            record_refused(attempt_of(invoice, None, actor), refused.code)
            return DeferredAnswer(refused.id, nothing_to_perform)
        link = plan_link(invoice, actor, INTERACTIVE)
        address = PayAddress.of(invoice, business_now())
        resp.status = falcon.HTTP_202
        resp.set_header("Location", f"/api/invoices/{invoice.id}")
        resp.media = {"paymentLinkId": link.id, "url": address.url, "status": link.state}
        message = (
            request_text(invoice, link, phone, actor, INTERACTIVE) if wanted.is_texted else None
        )
        resp.media |= {
            "amount": link.amount,
            "currency": link.currency,
            "error": link.error,
            "message": MessageShown.show(message) if message else None,
        }
        return None

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Create the link, and send the text, if no worker has begun to."""
        due = [take_due("create_payment_link", answer["paymentLinkId"])]
        if answer["message"]:
            due.append(take_due("send_payment_link", answer["message"]["id"]))
        return partial(perform_all, due)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Return the stored refusal. Raises Problem 422."""
        raise contact_refused(ContactDecision.get_by_id(reference))


class PayPage:
    """`/p/{token}`: the URL given to a payer. The page shows nothing personal."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Redirect to the current Stripe link, or say why there is none. A customer who may live in
        New York first reads what paying medical costs by card means there.
        """
        address = PayAddress.get_or_none(
            (PayAddress.token == token) & (PayAddress.expires_at > business_now())
        )
        if address is None:
            _show(resp, 404, UNKNOWN, FALLBACK)
            return
        invoice = address.invoice
        if invoice.status == "paid":
            _show_reason(resp, 200, "paid", invoice)
            return
        if invoice.status not in UNPAID or invoice.disputed:
            _show_reason(resp, 410, "nothing_due", invoice)
            return
        if payment_is_under_way(invoice):
            _show_reason(resp, 200, "under_way", invoice)
            return
        notice = notice_of(invoice)
        if notice is None or req.get_param("read") is not None:
            _redirect_to_stripe(resp, invoice)
            return
        resp.set_header("Referrer-Policy", "no-referrer")
        show_page(resp, "card_notice.html", notice=notice)


def _redirect_to_stripe(resp: falcon.Response, invoice: Invoice) -> None:
    """Redirect to Stripe's page for the current balance, or say why there is none."""
    link = PaymentLink.current(invoice)
    if (
        link is None
        or link.state == "planned"
        or link.stripe_account != (invoice.account.stripe_account or "")
    ):
        link = make_link_now(invoice.id)
    if link is not None and link.state == "refused":
        _show_reason(resp, 410, "refused", invoice)
    elif link is not None and link.state == "active" and link.url:
        resp.status = falcon.HTTP_303
        resp.set_header("Location", link.url)
    else:
        resp.set_header("Retry-After", "3")
        resp.set_header("Refresh", "3")
        _show_reason(resp, 503, "preparing", invoice)


def _show_reason(resp: falcon.Response, status: int, why: Why, invoice: Invoice) -> None:
    language = language_of(invoice.customer.language)
    _show(resp, status, SAID[why, language], language)


def _show(resp: falcon.Response, status: int, words: tuple[str, str], language: str) -> None:
    resp.status = status
    resp.set_header("Referrer-Policy", "no-referrer")
    title, text = words
    show_page(resp, "plain.html", title=title, text=text, language=language)
