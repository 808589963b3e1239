"""Background jobs. Importing this package registers every one."""

from jobs.backfill_stripe_events import backfill_stripe_events
from jobs.cancel_payment_intent import cancel_payment_intent
from jobs.change_payment_intent import change_payment_intent
from jobs.compare_with_stripe import compare_with_stripe
from jobs.confirm_payment import confirm_payment
from jobs.create_payment_link import create_payment_link
from jobs.deliver_webhook import deliver_webhook
from jobs.end_stale_charges import end_stale_charges
from jobs.follow_texts import follow_text, follow_texts
from jobs.mark_overdue import mark_overdue
from jobs.open_payment_intent import open_payment_intent
from jobs.process_stripe_event import process_stripe_event
from jobs.prune_jobs import prune_jobs
from jobs.read_stripe_events import read_stripe_events
from jobs.reconcile_effects import reconcile_effects
from jobs.reconcile_stripe import reconcile_stripe
from jobs.refund_payment import refund_payment
from jobs.release_deliveries import release_deliveries
from jobs.retire_payment_link import retire_payment_link
from jobs.send_payment_link import send_payment_link
from jobs.settle_text import settle_text

__all__ = [
    "backfill_stripe_events",
    "cancel_payment_intent",
    "change_payment_intent",
    "compare_with_stripe",
    "confirm_payment",
    "create_payment_link",
    "deliver_webhook",
    "end_stale_charges",
    "follow_text",
    "follow_texts",
    "mark_overdue",
    "open_payment_intent",
    "process_stripe_event",
    "prune_jobs",
    "read_stripe_events",
    "reconcile_effects",
    "reconcile_stripe",
    "refund_payment",
    "release_deliveries",
    "retire_payment_link",
    "send_payment_link",
    "settle_text",
]
