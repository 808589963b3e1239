"""Verbs: one file, one job. Importing this room makes every job known to the registry."""

from jobs.mark_overdue import mark_overdue
from jobs.process_stripe_event import process_stripe_event
from jobs.prune_jobs import prune_jobs

__all__ = ["mark_overdue", "process_stripe_event", "prune_jobs"]
