"""Every table, in the order in which foreign keys allow them to be made."""

from models.account import Account
from models.api_key import ApiKey
from models.base import Row
from models.customer import Customer
from models.idempotency_key import IdempotencyKey
from models.inbox_event import InboxEvent
from models.invoice import Invoice
from models.payment import Payment
from models.refund import Refund
from models.staged_job import StagedJob

TABLES: tuple[type[Row], ...] = (Account, ApiKey, Customer, Invoice, Payment, Refund, InboxEvent, StagedJob, IdempotencyKey)
