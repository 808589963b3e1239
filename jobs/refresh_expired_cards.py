"""Cards whose last month is over are looked at once more, for a bank may have renewed them; the
others are not verified any more. Looked at are also those of which it is not known whether they are
of test or of live mode; those of the mode that our key is not of are not.

Twice is harmless: it stages one look for each account, and each look reads what is.
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
    """Stage a look at each verified card that has expired, or tells no mode; five hundred at a
    time, those of accounts after `last_id`: cards of which a look learns nothing delay no other.
    """
    with transaction():
        setups = Setup.to_look_at(business_now(), last_id, BATCH)
        for setup in setups:
            account_id = setup.account_id
            stage_again("refresh_saved_card", account_id, account_id, fair_to=account_id)
    if len(setups) == BATCH:
        raise Snooze("more cards have expired", 0.0, onward=(setups[-1].account_id,))
