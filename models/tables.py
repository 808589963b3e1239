"""Every table, in the order in which foreign keys allow them to be created."""

from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.accounts.operator import Operator
from models.accounts.operator_session import OperatorSession
from models.base import Row
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Difference, Reconciliation, Sighting
from models.books.stripe_watermark import StripeWatermark
from models.calling.call import Call, CallInvoice
from models.calling.call_slot import CallSlot
from models.calling.keypad_session import KeypadSession
from models.calling.tool_call import ToolCall
from models.contact.account_sender import AccountSender
from models.contact.consent import Consent
from models.contact.contact_course import ContactCourse
from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.message import Message
from models.contact.message_template import MessageTemplate
from models.contact.number_lookup import NumberLookup
from models.contact.opt_out import OptOut
from models.contact.phone_suppression import PhoneSuppression
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.promise import Promise
from models.contact.sender_registration import SenderRegistration
from models.contact.text_watermark import TextWatermark
from models.contact.work_item import WorkItem
from models.delivery.idempotency_key import IdempotencyKey
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentEvent, DeploymentStep
from models.deployment.forwarding_test import ForwardingTest
from models.deployment.installation import Installation
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.port_document import PortDocument
from models.deployment.resource import Resource, Stray
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from models.deployment.trial_chat import TrialChat
from models.effects.daily_limit import DailyCeiling, DailyTally
from models.effects.effect import Effect
from models.effects.pause_switch import PauseSwitch
from models.feed.outgoing_event import OutgoingEvent
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.integrations.integration import Integration
from models.integrations.oauth_state import OAuthState
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute, DisputeMovement
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PayAddress, PaymentLink
from models.payments.refund import Refund
from models.payments.refund_request import RefundRequest
from models.reports.running_total import RunningTotal, TotalChange

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
    PauseSwitch,
    DailyCeiling,
    DailyTally,
    StripeWatermark,
    Backfill,
    Reconciliation,
    Difference,
    Sighting,
    AccountSettings,
    AccountSender,
    SenderRegistration,
    TextWatermark,
    Consent,
    NumberLookup,
    OptOut,
    Hold,
    PhoneSuppression,
    ContactDecision,
    MessageTemplate,
    Message,
    ContactCourse,
    PlannedContact,
    PlannedContactInvoice,
    WorkItem,
    Promise,
    Installation,
    Setup,
    SetupAttempt,
    KnowledgeFile,
    Deployment,
    DeploymentStep,
    DeploymentEvent,
    PhoneLine,
    PortDocument,
    ForwardingTest,
    Resource,
    Stray,
    TrialChat,
    Integration,
    OAuthState,
    RunningTotal,
    TotalChange,  # its triggers are on tables above
    Call,
    CallInvoice,
    CallSlot,
    ToolCall,
    KeypadSession,
)
