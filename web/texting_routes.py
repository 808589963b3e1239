"""The routes of texting: senders, words, consents, wishes, texts, and what Twilio tells."""

import falcon

from web.contact.account_texting import OneSender, OneTemplate, Templates
from web.contact.consents import CustomerConsents, CustomerOptOuts, CustomerSuppression
from web.contact.contact_ledger import ContactLedger
from web.contact.invoice_messages import InvoiceMessages
from web.webhooks.twilio_webhooks import IncomingMessages, MessageStatuses


def add_texting_routes(app: falcon.App) -> None:
    """Add them to the route table."""
    app.add_route("/api/webhooks/twilio/messages", IncomingMessages())
    app.add_route("/api/webhooks/twilio/message-status", MessageStatuses())
    app.add_route("/api/accounts/{account_id}/sender", OneSender())
    app.add_route("/api/accounts/{account_id}/templates", Templates())
    app.add_route("/api/accounts/{account_id}/templates/{kind}/{language}", OneTemplate())
    app.add_route("/api/customers/{customer_id}/consents", CustomerConsents())
    app.add_route("/api/customers/{customer_id}/opt-outs", CustomerOptOuts())
    app.add_route("/api/customers/{customer_id}/contact-ledger", ContactLedger())
    app.add_route("/api/customers/{customer_id}/suppressions/{channel}", CustomerSuppression())
    app.add_route("/api/invoices/{invoice_id}/messages", InvoiceMessages())
