"""Begin to save a card: an attempt, whose SetupIntent a job creates at Stripe.

The attempts of an account are counted in the database and limited, because card forms attract card
testing.
"""

from datetime import timedelta
from math import ceil

from delivery.perform_now import stage_now
from models.accounts.account import Account
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.ids import new_id

PER_HOUR = 10
HOUR = timedelta(hours=1)


def plan_setup(account: Account, actor: str) -> tuple[SetupAttempt, int | None]:
    """Return a new attempt, and the job that creates its intent. Raises Refused `rate_limited`."""
    now = real_now()
    Setup.locked_for(account.id, now)
    begun = SetupAttempt.begun_since(account.id, now - HOUR, PER_HOUR)
    if len(begun) >= PER_HOUR:
        wait = ceil((begun[-1].created_at + HOUR - now).total_seconds())
        raise Refused(
            "rate_limited",
            f"{PER_HOUR} card forms were opened for account {account.id} within an hour, which is"
            f" the limit. Use one that is open, or try again in {wait} seconds.",
            retry_after=max(1, wait),
        )
    attempt = SetupAttempt.create(
        id=new_id("set"), account=account.id, asked_by=actor, created_at=now, updated_at=now
    )
    return attempt, stage_now("open_setup_intent", attempt.id, attempt.id, fair_to=account.id)
