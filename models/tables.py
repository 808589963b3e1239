"""Every table, in the order in which foreign keys allow them to be made."""

from models.account import Account
from models.api_key import ApiKey
from models.audit_entry import AuditEntry
from models.base import Row
from models.customer import Customer
from models.dispute import Dispute, DisputeMovement
from models.effect import Effect
from models.idempotency_key import IdempotencyKey
from models.inbox_event import InboxEvent
from models.invoice import Invoice
from models.operator import Operator
from models.operator_session import OperatorSession
from models.payment import Payment
from models.payment_link import PayAddress, PaymentLink
from models.refund import Refund
from models.refund_request import RefundRequest
from models.staged_job import StagedJob

TABLES: tuple[type[Row], ...] = (
    Account, ApiKey, Customer, Invoice, Payment, Refund, InboxEvent, StagedJob, IdempotencyKey, Effect,
    PaymentLink, PayAddress, RefundRequest, Dispute, DisputeMovement, Operator, OperatorSession, AuditEntry,
)  # fmt: skip
