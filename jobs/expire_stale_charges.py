"""End a charge that was requested long ago and never finished, without charging late, by running
its job again. End a keypad card entry whose callbacks have stopped.

Twice is harmless: a running job is left alone, a job that ends a charge reads Stripe first, and an
entry that has ended takes no input.
"""

from datetime import timedelta

from actions.calling.keypad import expire_session
from delivery.registry import job
from delivery.scan import try_each
from jobs.confirm_payment import CHARGE_WITHIN
from models.base import to_micros
from models.calling.keypad_session import KeypadSession
from models.delivery.staged_job import revive_job
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import transaction
from runtime.clock import real_now

GRACE = timedelta(minutes=5)
UNHEARD = timedelta(minutes=10)  # a field, or a card's result, takes seconds
BATCH = 100
OVERDUE = "state = 'requested' AND created_at < ? AND attempt_id > ? ORDER BY attempt_id LIMIT ?"


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("end_stale_charges",))
def expire_stale_charges() -> None:
    """Run the jobs of overdue confirmations again, a hundred per transaction, and end stale card
    entries. An entry that cannot be ended does not block the others.
    """
    overdue, last = to_micros(real_now() - CHARGE_WITHIN - GRACE), ""
    while batch := PaymentConfirmation.all(OVERDUE, overdue, last, BATCH):
        last = batch[-1].attempt_id
        with transaction():
            for row in batch:
                revive_job("confirm_payment", row.id, 0.0)
    since = real_now() - UNHEARD
    try_each(
        "card entry not ended",
        lambda last: KeypadSession.silent(since, last, BATCH),
        expire_session,
    )
