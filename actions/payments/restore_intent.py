"""Restore an open intent at Stripe to what its attempt wants, after an earlier change took effect
there late.
"""

from models.delivery.stage import stage
from models.payments.payment_attempt import PaymentAttempt
from runtime.clock import real_now


def restore_intent(attempt: PaymentAttempt, queue: str = "") -> None:
    """Stage the wanted change once more, under a version of its own; in `queue` if given. The
    attempt's invoice is locked.
    """
    attempt.record_change_wanted(real_now())
    stage(
        "change_payment_intent",
        f"{attempt.id}:{attempt.amount_version}",
        attempt.id,
        attempt.amount_version,
        fair_to=attempt.account_id,
        queue=queue,
    )
