"""The route table."""

from typing import Any

import falcon

import jobs  # noqa: F401 - makes every job known, so that requests can stage them
from models.base import STATEMENT_SECONDS, use_database
from rules.card_numbers import redact
from runtime.log import configure_log
from runtime.settings import get_settings
from web.accounts.account_settings import Settings
from web.accounts.accounts import Accounts, OneAccount
from web.books.reconciliation import LatestReconciliation
from web.feed.event_feed import EventFeed
from web.feed.webhook_endpoints import OneWebhookEndpoint, WebhookEndpoints
from web.http.card_guard import CardGuard
from web.http.middleware import RequestContext, install
from web.http.payment_guard import PaymentDoors
from web.http.routing import Router, StaticFiles
from web.http.security_headers import SecurityHeaders
from web.invoices.customers import Customers, OneCustomer
from web.invoices.finance import FinanceSummary, UnpaidInvoices
from web.invoices.invoice_actions import CancelInvoice, InvoiceNotes, SendInvoice, WriteOffInvoice
from web.invoices.invoices import Invoices, OneInvoice
from web.invoices.timeline import InvoiceTimeline
from web.openapi.api_docs import ApiDocs, OpenApi, ProblemDocs
from web.operators.health import Health, Ready
from web.operators.home import Home
from web.operators.login import Login, Logout
from web.operators.metrics import Metrics
from web.operators.rq_dashboard import RqDashboard
from web.payments.card_form import add_card_form_routes
from web.payments.confirm_payment import ConfirmPayment, PayByPhone
from web.payments.offline_payments import UpsertPayment
from web.payments.payment_intents import CreatePaymentIntent
from web.payments.payment_links import InvoicePaymentLinks, PayPage
from web.payments.payments import OnePayment, PaymentRefunds, Payments
from web.payments.void_payment import VoidPayment
from web.server.request_metrics import RequestMetrics
from web.texting_routes import add_texting_routes
from web.webhooks.stripe_webhooks import StripeWebhook


def create_app() -> falcon.App:
    """The WSGI application, bound to the database of the settings."""
    settings = get_settings()
    configure_log(settings.log_format, settings.log_level, mask=redact)
    use_database(settings.database_url, STATEMENT_SECONDS)
    middleware: list[Any] = [
        RequestMetrics(),
        SecurityHeaders(),
        RequestContext(),
        CardGuard(),
        PaymentDoors(),
    ]
    app = falcon.App(middleware=middleware, router=Router())
    install(app)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", ready := Ready())
    app.add_route("/metrics", Metrics())
    app.add_route("/login", Login())
    app.add_route("/logout", Logout())
    app.add_route("/", Home(ready))
    app.add_sink(RqDashboard(), r"/rq(?=/|$)")
    app.add_sink(StaticFiles(), StaticFiles.PATHS)
    app.add_route("/api/webhooks/stripe", StripeWebhook(lambda: get_settings().webhook_secrets))
    app.add_route(
        "/api/webhooks/stripe/connect",
        StripeWebhook(lambda: get_settings().connect_webhook_secrets, connect=True),
        suffix="connect",
    )
    app.add_route("/api/accounts", Accounts())
    app.add_route("/api/accounts/{account_id}", OneAccount())
    app.add_route("/api/customers", Customers())
    app.add_route("/api/customers/{customer_id}", OneCustomer())
    app.add_route("/api/invoices", Invoices())
    app.add_route("/api/invoices/{invoice_id}", OneInvoice())
    app.add_route("/api/invoices/{invoice_id}/payment-links", InvoicePaymentLinks())
    add_card_form_routes(app)
    add_texting_routes(app)
    app.add_route("/api/accounts/{account_id}/settings", Settings())
    app.add_route("/api/invoices/{invoice_id}/send", SendInvoice())
    app.add_route("/api/invoices/{invoice_id}/cancel", CancelInvoice())
    app.add_route("/api/invoices/{invoice_id}/write-off", WriteOffInvoice())
    app.add_route("/api/invoices/{invoice_id}/notes", InvoiceNotes())
    app.add_route("/api/finance/unpaid-invoices", UnpaidInvoices())
    app.add_route("/api/finance/summary", FinanceSummary())
    app.add_route("/api/payments", Payments())
    app.add_route("/api/invoices/{invoice_id}/timeline", InvoiceTimeline())
    app.add_route("/api/finance/reconciliation", LatestReconciliation())
    app.add_route("/api/events", EventFeed())
    app.add_route("/api/webhook-endpoints", WebhookEndpoints())
    app.add_route("/api/webhook-endpoints/{endpoint_id}", OneWebhookEndpoint())
    app.add_route("/api/payments/create-payment-intent", CreatePaymentIntent())
    app.add_route("/api/payments/confirm-payment", ConfirmPayment())
    app.add_route("/api/payments/phone", PayByPhone())
    app.add_route("/api/payments/upsert", UpsertPayment())
    app.add_route("/api/payments/{payment_id}", OnePayment())
    app.add_route("/api/payments/{payment_id}/refunds", PaymentRefunds())
    app.add_route("/api/payments/{payment_id}/void", VoidPayment())
    app.add_route("/api/openapi.json", openapi := OpenApi(app))
    app.add_route("/api/docs", ApiDocs(openapi))
    app.add_route("/api/docs/problems", ProblemDocs(openapi))
    app.add_route("/p/{token}", PayPage())
    return app
