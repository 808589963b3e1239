"""A charge that was requested long ago and never finished is ended, without charging late, by
running its job again; and so is the entry of a card by keypad of which nothing more was heard.

Twice is harmless: a running job is left alone, one that ends a charge reads Stripe first, and an
entry that has ended takes nothing in.
"""

from datetime import timedelta

from actions.calling.keypad import end_unheard
from delivery.registry import job
from jobs.confirm_payment import CHARGE_WITHIN
from models.calling.keypad_session import KeypadSession
from models.delivery.staged_job import revive_job
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import transaction
from runtime.clock import real_now

GRACE = timedelta(minutes=5)
UNHEARD = timedelta(minutes=10)  # a piece is waited for seconds, and so is a card's result
BATCH = 100


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("end_stale_charges",))
def expire_stale_charges() -> None:
    """Run the jobs of up to a hundred overdue confirmations again, and end as many entries."""
    overdue = PaymentConfirmation.created_at < real_now() - CHARGE_WITHIN - GRACE
    with transaction():
        for row in (
            PaymentConfirmation.select()
            .where(PaymentConfirmation.state == "requested", overdue)
            .limit(BATCH)
        ):
            revive_job("confirm_payment", row.id, 0.0)
    for session in KeypadSession.unheard(real_now() - UNHEARD, BATCH):
        end_unheard(session)
