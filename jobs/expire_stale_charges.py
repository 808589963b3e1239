"""A charge that was requested long ago and never finished is ended, without charging late, by
running its job again; and so is the entry of a card by keypad of which nothing more was heard.

Twice is harmless: a running job is left alone, one that ends a charge reads Stripe first, and an
entry that has ended takes nothing in.
"""

from datetime import timedelta

from actions.calling.keypad import end_unheard
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
UNHEARD = timedelta(minutes=10)  # a piece is waited for seconds, and so is a card's result
BATCH = 100
OVERDUE = "state = 'requested' AND created_at < ? AND attempt_id > ? ORDER BY attempt_id LIMIT ?"


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("end_stale_charges",))
def expire_stale_charges() -> None:
    """Run the jobs of all overdue confirmations again, a hundred in a transaction, and end all
    entries that are over: one that cannot be ended keeps no other from it.
    """
    overdue, last = to_micros(real_now() - CHARGE_WITHIN - GRACE), ""
    while batch := PaymentConfirmation.all(OVERDUE, overdue, last, BATCH):
        last = batch[-1].attempt_id
        with transaction():
            for row in batch:
                revive_job("confirm_payment", row.id, 0.0)
    since = real_now() - UNHEARD
    try_each(
        "entry of a card not ended",
        lambda last: KeypadSession.unheard(since, last, BATCH),
        end_unheard,
    )
