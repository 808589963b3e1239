"""Verbs: one file, one job. Importing this room makes every job known to the registry."""

from jobs.create_payment_link import create_payment_link
from jobs.mark_overdue import mark_overdue
from jobs.process_stripe_event import process_stripe_event
from jobs.prune_jobs import prune_jobs
from jobs.reconcile_effects import reconcile_effects
from jobs.refund_payment import refund_payment

__all__ = ["create_payment_link", "mark_overdue", "process_stripe_event", "prune_jobs", "reconcile_effects", "refund_payment"]
