"""The card form as a page: its contents, and its own Content-Security-Policy."""

import falcon
from babel.dates import format_date

from models.invoices.invoice import Invoice
from providers.stripe.stripe_js import StripeJs, stripe_js
from rules.money import exponent, in_words, least, to_major
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.settings import get_settings
from web.http.pages import show_page
from web.http.problems import PROBLEMS, status_of
from web.payments.billing import stripe_billing
from web.payments.card_tokens import CardForm
from web.payments.notice import notice_of

LOCALE = "en_US"
TITLES = {
    "invoice_already_paid": "This has been paid already",
    "card_form_expired": "This form has expired",
}


def show_card_page(resp: falcon.Response, invoice: Invoice, form: CardForm) -> None:
    """Show the form of a payable invoice."""
    script = stripe_js()
    config = {
        "publishableKey": get_settings().stripe_publishable_key,
        "stripeAccount": invoice.account.stripe_account,
        "currency": invoice.currency,
        "outstanding": invoice.outstanding,
        "least": least(invoice.currency),
        "digits": exponent(invoice.currency),
        "seconds": int((form.until - real_now()).total_seconds()),
        "billing": stripe_billing(invoice.customer),
    }
    whole, owed = (
        str(to_major(invoice.outstanding, invoice.currency)),
        in_words(invoice.outstanding, invoice.currency, LOCALE),
    )
    shown = {
        "currency": invoice.currency.upper(),
        "due": format_date(invoice.due_date, locale=LOCALE),
    }
    show_page(
        resp,
        "card_form.html",
        policy(script),
        invoice=invoice,
        whole=whole,
        owed=owed,
        config=config,
        script=script.script,
        notice=notice_of(invoice),
        **shown,
    )
    resp.set_header("Referrer-Policy", "no-referrer")


def show_refusal(resp: falcon.Response, problem: Refused) -> None:
    """Show a page that says why there is no form."""
    show_page(
        resp,
        "plain.html",
        title=TITLES.get(problem.code, PROBLEMS[problem.code][1]),
        text=problem.detail,
    )
    resp.status = status_of(problem)
    resp.set_header("Referrer-Policy", "no-referrer")


def policy(stripe: StripeJs) -> str:
    """Allow our scripts and Stripe's, and Stripe's frames; nothing inline and nothing else."""
    return (
        f"default-src 'none'; script-src 'self' {stripe.script_sources}; frame-src"
        f" {stripe.frame_sources}; connect-src 'self' {stripe.connect_sources}; style-src 'self';"
        " img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
