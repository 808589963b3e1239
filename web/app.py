"""The route table."""

import falcon

import jobs  # noqa: F401 - makes every job known, so that requests can stage them
from models.base import use_database
from runtime.log import configure_log
from runtime.settings import get_settings
from web.accounts import Accounts, OneAccount
from web.customers import Customers, OneCustomer
from web.health import Health, Ready
from web.invoices import Invoices, OneInvoice
from web.middleware import RequestContext, install
from web.payment_links import InvoicePaymentLinks, PayPage
from web.payments import OnePayment, PaymentRefunds, Payments
from web.stripe_webhooks import StripeWebhook


def create_app() -> falcon.App:
    """The WSGI application, bound to the database of the settings."""
    settings = get_settings()
    configure_log(settings.log_format, settings.log_level)
    use_database(settings.database_url)
    app = falcon.App(middleware=[RequestContext()])
    install(app)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Ready())
    app.add_route("/api/webhooks/stripe", StripeWebhook(lambda: get_settings().webhook_secrets))
    app.add_route("/api/webhooks/stripe/connect", StripeWebhook(lambda: get_settings().connect_webhook_secrets, connect=True))
    app.add_route("/api/accounts", Accounts())
    app.add_route("/api/accounts/{account_id}", OneAccount())
    app.add_route("/api/customers", Customers())
    app.add_route("/api/customers/{customer_id}", OneCustomer())
    app.add_route("/api/invoices", Invoices())
    app.add_route("/api/invoices/{invoice_id}", OneInvoice())
    app.add_route("/api/invoices/{invoice_id}/payment-links", InvoicePaymentLinks())
    app.add_route("/api/payments", Payments())
    app.add_route("/api/payments/{payment_id}", OnePayment())
    app.add_route("/api/payments/{payment_id}/refunds", PaymentRefunds())
    app.add_route("/p/{token}", PayPage())
    return app
