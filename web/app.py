"""The route table: every address of the application, by subject, and its resource."""

from collections.abc import Callable
from typing import Any

import falcon

import jobs  # noqa: F401 - registers every job, so that requests can stage it
from models.transactions import STATEMENT_SECONDS, use_database
from rules.cards.card_numbers import redact
from runtime.log import configure_log, get_log
from runtime.settings import get_settings
from web.accounts.account_settings import Settings
from web.accounts.accounts import Accounts
from web.accounts.timeline import AccountTimeline
from web.books.reconciliation import LatestReconciliation
from web.calling.answer_rates import AnswerRates
from web.calling.calls import CallRecording, InvoiceCalls, OneCall
from web.calling.tools import VapiTools
from web.contact.consents import CustomerConsents, CustomerOptOuts, CustomerSuppression
from web.contact.contact_ledger import ContactLedger
from web.contact.contact_preview import ContactPreview
from web.contact.evaluate import Evaluations
from web.contact.holds import CustomerHolds, OneHold
from web.contact.invoice_messages import InvoiceMessages
from web.contact.senders_and_templates import OneSender, OneTemplate, Templates
from web.deployment.configuration.costs import AvailableNumbersOf, CostPreviewOf
from web.deployment.configuration.knowledge_files import KnowledgeFiles, OneKnowledgeFile
from web.deployment.configuration.phone import ForwardedPhone, NoPhone, PortedPhone, SipPhone
from web.deployment.configuration.port_documents import PortDocuments
from web.deployment.configuration.review import OneAccount
from web.deployment.configuration.try_it import TryIt
from web.deployment.configuration.voice import Voice
from web.deployment.deployments import (
    AccountDeployments,
    DeploymentEvents,
    OneDeployment,
    RetryDeployment,
    RollBackDeployment,
    TakeDownDeployment,
)
from web.deployment.forwarding import Forwarding, TestForwarding
from web.deployment.metrics import FinanceMetrics
from web.deployment.numbers import PurchaseNumber
from web.deployment.payment_action import PaymentAction, PaymentActionDone
from web.deployment.payment_method import PaymentMethod, SetupIntents
from web.feed.event_feed import EventFeed
from web.feed.webhook_endpoints import OneWebhookEndpoint, WebhookEndpoints
from web.http.guards.card_guard import CardGuard
from web.http.guards.payment_guard import PaymentGuard
from web.http.guards.query_guard import QueryGuard
from web.http.guards.security_headers import Answer, StrictTransport
from web.http.middleware import RequestContext, install
from web.http.routing import Router, StaticFiles
from web.integrations.callback import OAuthCallback
from web.integrations.integrations import (
    AuthorizeIntegration,
    ConnectIntegration,
    Integrations,
    OneIntegration,
)
from web.invoices.customers import Customers, OneCustomer
from web.invoices.invoice_actions import CancelInvoice, InvoiceNotes, SendInvoice, WriteOffInvoice
from web.invoices.invoices import Invoices, OneInvoice
from web.invoices.timeline import InvoiceTimeline
from web.invoices.unpaid_invoices import FinanceSummary, UnpaidInvoices
from web.openapi.api_docs import ApiDocs, OpenApi, ProblemDocs
from web.operators.health import Health, Ready, missing_settings
from web.operators.home import Home
from web.operators.login import Login, Logout
from web.operators.metrics import Metrics
from web.operators.rq_dashboard import RqDashboard
from web.payments.card_form import CardFormCharge, CardForms, CardPage, OpenCardForm
from web.payments.confirm_payment import ConfirmPayment, PayByPhone
from web.payments.offline_payments import UpsertPayment
from web.payments.payment_intents import CreatePaymentIntent
from web.payments.payment_links import InvoicePaymentLinks, PayPage
from web.payments.payments import OnePayment, PaymentRefunds, Payments
from web.payments.void_payment import VoidPayment
from web.people.drafts import ApproveDrafts
from web.people.promises import InvoicePromises
from web.people.work_items import (
    InvoiceEscalations,
    OneWorkItem,
    ReplyToWorkItem,
    ResolveWorkItem,
    WorkItems,
)
from web.server.request_metrics import RequestMetrics
from web.webhooks.stripe_webhooks import ConnectWebhook, StripeWebhook
from web.webhooks.twilio_calls import IncomingCalls
from web.webhooks.twilio_pay import KeypadReports
from web.webhooks.twilio_porting import PortReports
from web.webhooks.twilio_webhooks import IncomingMessages, MessageStatuses
from web.webhooks.vapi_webhooks import VapiWebhook

ROUTES: dict[str, Callable[[], object]] = {
    # operators and monitoring
    "/": Home,
    "/login": Login,
    "/logout": Logout,
    "/healthz": Health,
    "/readyz": Ready,
    "/metrics": Metrics,
    # webhooks
    "/api/webhooks/stripe": StripeWebhook,
    "/api/webhooks/stripe/connect": ConnectWebhook,
    "/api/webhooks/twilio/messages": IncomingMessages,
    "/api/webhooks/twilio/message-status": MessageStatuses,
    "/api/webhooks/twilio/voice": IncomingCalls,
    "/api/webhooks/twilio/pay": KeypadReports,
    "/api/webhooks/vapi": VapiWebhook,
    "/api/webhooks/twilio/porting": PortReports,
    "/api/vapi/tools": VapiTools,
    # accounts
    "/api/accounts": Accounts,
    "/api/accounts/{account_id}": OneAccount,
    "/api/accounts/{account_id}/settings": Settings,
    "/api/accounts/{account_id}/timeline": AccountTimeline,
    "/api/accounts/{account_id}/contact-preview": ContactPreview,
    "/api/accounts/{account_id}/sender": OneSender,
    "/api/accounts/{account_id}/templates": Templates,
    "/api/accounts/{account_id}/templates/{kind}/{language}": OneTemplate,
    # deployments
    "/api/accounts/{account_id}/deployments": AccountDeployments,
    "/api/deployments/{deployment_id}": OneDeployment,
    "/api/deployments/{deployment_id}/events": DeploymentEvents,
    "/api/deployments/{deployment_id}/payment-action": PaymentAction,
    "/api/deployments/{deployment_id}/payment-action/done": PaymentActionDone,
    "/api/deployments/{deployment_id}/retry": RetryDeployment,
    "/api/deployments/{deployment_id}/rollback": RollBackDeployment,
    "/api/deployments/{deployment_id}/take-down": TakeDownDeployment,
    "/api/accounts/{account_id}/forwarding": Forwarding,
    "/api/accounts/{account_id}/forwarding/test": TestForwarding,
    "/api/twilio/phone/purchase": PurchaseNumber,
    # going live
    "/api/accounts/{account_id}/voice": Voice,
    "/api/accounts/{account_id}/port-documents": PortDocuments,
    "/api/accounts/{account_id}/knowledge-files": KnowledgeFiles,
    "/api/accounts/{account_id}/knowledge-files/{file_id}": OneKnowledgeFile,
    "/api/accounts/{account_id}/try": TryIt,
    "/api/accounts/{account_id}/available-numbers": AvailableNumbersOf,
    "/api/accounts/{account_id}/cost-preview": CostPreviewOf,
    "/api/accounts/{account_id}/phone/forwarded": ForwardedPhone,
    "/api/accounts/{account_id}/phone/ported": PortedPhone,
    "/api/accounts/{account_id}/phone/sip": SipPhone,
    "/api/accounts/{account_id}/phone/none": NoPhone,
    "/api/accounts/{account_id}/integrations": Integrations,
    "/api/accounts/{account_id}/integrations/{provider}": OneIntegration,
    "/api/accounts/{account_id}/integrations/{provider}/authorize": AuthorizeIntegration,
    "/api/accounts/{account_id}/integrations/{provider}/connect": ConnectIntegration,
    "/api/oauth/callback": OAuthCallback,
    # customers and contact with them
    "/api/customers": Customers,
    "/api/customers/{customer_id}": OneCustomer,
    "/api/customers/{customer_id}/consents": CustomerConsents,
    "/api/customers/{customer_id}/opt-outs": CustomerOptOuts,
    "/api/customers/{customer_id}/suppressions/{channel}": CustomerSuppression,
    "/api/customers/{customer_id}/holds": CustomerHolds,
    "/api/customers/{customer_id}/holds/{hold_id}": OneHold,
    "/api/customers/{customer_id}/contact-ledger": ContactLedger,
    "/api/compliance/evaluate": Evaluations,
    # invoices
    "/api/invoices": Invoices,
    "/api/invoices/{invoice_id}": OneInvoice,
    "/api/invoices/{invoice_id}/send": SendInvoice,
    "/api/invoices/{invoice_id}/cancel": CancelInvoice,
    "/api/invoices/{invoice_id}/write-off": WriteOffInvoice,
    "/api/invoices/{invoice_id}/notes": InvoiceNotes,
    "/api/invoices/{invoice_id}/timeline": InvoiceTimeline,
    "/api/invoices/{invoice_id}/messages": InvoiceMessages,
    # calls
    "/api/invoices/{invoice_id}/calls": InvoiceCalls,
    "/api/calls/{call_id}": OneCall,
    "/api/calls/{call_id}/recording": CallRecording,
    "/api/accounts/{account_id}/answer-rates": AnswerRates,
    # payments
    "/api/payments": Payments,
    "/api/payments/{payment_id}": OnePayment,
    "/api/payments/{payment_id}/refunds": PaymentRefunds,
    "/api/payments/{payment_id}/void": VoidPayment,
    "/api/payments/create-payment-intent": CreatePaymentIntent,
    "/api/payments/confirm-payment": ConfirmPayment,
    "/api/payments/phone": PayByPhone,
    "/api/payments/upsert": UpsertPayment,
    "/api/invoices/{invoice_id}/payment-links": InvoicePaymentLinks,
    "/api/invoices/{invoice_id}/promises": InvoicePromises,
    "/api/invoices/{invoice_id}/escalations": InvoiceEscalations,
    "/api/work-items": WorkItems,
    "/api/work-items/{item_id}": OneWorkItem,
    "/api/work-items/{item_id}/resolve": ResolveWorkItem,
    "/api/work-items/{item_id}/reply": ReplyToWorkItem,
    "/api/contact-drafts/approve": ApproveDrafts,
    "/p/{token}": PayPage,
    "/api/invoices/{invoice_id}/card-forms": CardForms,
    "/invoices/{invoice_id}/card": OpenCardForm,
    "/card/{token}": CardPage,
    "/card/{token}/charges/{charge_id}": CardFormCharge,
    # going live
    "/api/accounts/{account_id}/setup-intents": SetupIntents,
    "/api/accounts/{account_id}/payment-method": PaymentMethod,
    # finance and books
    "/api/finance/unpaid-invoices": UnpaidInvoices,
    "/api/finance/summary": FinanceSummary,
    "/api/finance/metrics": FinanceMetrics,
    "/api/finance/reconciliation": LatestReconciliation,
    # the feed for the clinic's own software
    "/api/events": EventFeed,
    "/api/webhook-endpoints": WebhookEndpoints,
    "/api/webhook-endpoints/{endpoint_id}": OneWebhookEndpoint,
}


def create_app() -> falcon.App:
    """The WSGI application, bound to the database of the settings."""
    settings = get_settings()
    configure_log(settings.log_format, settings.log_level, mask=redact)
    use_database(settings.database_url, STATEMENT_SECONDS)
    for reason in missing_settings():
        get_log("web").error(reason)
    middleware: list[Any] = [
        RequestMetrics(),
        StrictTransport(),
        RequestContext(),
        PaymentGuard(),
        CardGuard(),
        QueryGuard(),
    ]
    app = falcon.App(response_type=Answer, middleware=middleware, router=Router())
    install(app)
    for path, resource in ROUTES.items():
        app.add_route(path, resource())
    # the documentation of the routes above
    app.add_route("/api/openapi.json", openapi := OpenApi(app))
    app.add_route("/api/docs", ApiDocs(openapi))
    app.add_route("/api/docs/problems", ProblemDocs(openapi))
    # everything below a prefix
    app.add_sink(RqDashboard(), r"/rq(?=/|$)")
    app.add_sink(StaticFiles(), StaticFiles.PATHS)
    return app
