"""Check once more, at Stripe, cards whose last month is over: unless their bank has renewed them,
they are no longer verified. Also checked are cards not known to be of test or live mode, but not
cards of the mode that our key is not for.

Twice is harmless: it stages one check per account, and each check reads the current state.
"""

from delivery.attempt import Snooze
from delivery.registry import job
from models.delivery.stage import stage_again
from models.deployment.setup import Setup
from models.transactions import transaction
from runtime.clock import business_now

BATCH = 500


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def refresh_expired_cards(last_id: str = "") -> None:
    """Stage a check of each verified card that has expired or whose mode is unknown, of five
    hundred accounts after `last_id`. Cards that cannot be updated do not block the others.
    """
    with transaction():
        setups = Setup.to_check(business_now(), last_id, BATCH)
        for setup in setups:
            account_id = setup.account_id
            stage_again("refresh_saved_card", account_id, account_id, fair_to=account_id)
    if len(setups) == BATCH:
        raise Snooze("more cards have expired", 0.0, onward=(setups[-1].account_id,))
