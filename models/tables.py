"""Every table, in the order in which foreign keys allow them to be created."""

from models.account import Account
from models.account_sender import AccountSender
from models.account_settings import AccountSettings
from models.api_key import ApiKey
from models.audit_entry import AuditEntry
from models.backfill import Backfill
from models.base import Row
from models.brake import Brake
from models.consent import Consent
from models.contact_decision import ContactDecision
from models.customer import Customer
from models.daily_ceiling import DailyCeiling
from models.daily_tally import DailyTally
from models.dispute import Dispute, DisputeMovement
from models.effect import Effect
from models.idempotency_key import IdempotencyKey
from models.inbox_event import InboxEvent
from models.invoice import Invoice
from models.message import Message
from models.message_template import MessageTemplate
from models.operator import Operator
from models.operator_session import OperatorSession
from models.opt_out import OptOut
from models.outgoing_event import OutgoingEvent
from models.payment import Payment
from models.payment_attempt import PaymentAttempt
from models.payment_confirmation import PaymentConfirmation
from models.payment_link import PayAddress, PaymentLink
from models.phone_suppression import PhoneSuppression
from models.reconciliation import Difference, Reconciliation, Sighting
from models.refund import Refund
from models.refund_request import RefundRequest
from models.staged_job import StagedJob
from models.stripe_watermark import StripeWatermark
from models.webhook_delivery import WebhookDelivery
from models.webhook_endpoint import WebhookEndpoint

TABLES: tuple[type[Row], ...] = (
    Account,
    ApiKey,
    Customer,
    Invoice,
    Payment,
    Refund,
    InboxEvent,
    StagedJob,
    IdempotencyKey,
    Effect,
    PaymentLink,
    PaymentAttempt,
    PaymentConfirmation,
    PayAddress,
    RefundRequest,
    Dispute,
    DisputeMovement,
    Operator,
    OperatorSession,
    AuditEntry,
    OutgoingEvent,
    WebhookEndpoint,
    WebhookDelivery,
    Brake,
    DailyCeiling,
    DailyTally,
    StripeWatermark,
    Backfill,
    Reconciliation,
    Difference,
    Sighting,
    AccountSettings,
    AccountSender,
    Consent,
    OptOut,
    PhoneSuppression,
    ContactDecision,
    MessageTemplate,
    Message,
)
