"""Renew credentials that expire soon, check the others once a day, each in a job of its own, and
revoke credentials whose revocation was abandoned.

Twice is harmless: one process at a time renews a row, and a credential that is not due is left
alone.
"""

from datetime import timedelta

from actions.integrations.renew import renew_credential, restage_revocations
from delivery.attempt import Snooze
from delivery.registry import job
from models.delivery.stage import stage_again
from models.integrations.integration import Integration
from models.transactions import transaction
from runtime.clock import real_now

BATCH = 500
LOOK_AGAIN = timedelta(minutes=15)  # until a failed renewal is retried; others come first


@job(queue="periodic", calls_out=True, attempts=8, timeout=20)
def refresh_integration(integration_id: str) -> None:
    """Renew the credential of integration `integration_id`, or check that it is still valid."""
    renew_credential(integration_id)


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def refresh_integrations() -> None:
    """Stage a renewal of each credential that is due, and of each abandoned revocation, five
    hundred at a time.
    """
    now = real_now()
    with transaction():
        due = Integration.due(now, BATCH)
        for row in due:
            row.record(now, renew_at=now + LOOK_AGAIN)
            stage_again("refresh_integration", row.id, row.id, fair_to=row.account_id)
        restage_revocations(now, BATCH)
    if len(due) == BATCH:
        raise Snooze("more integrations are due", 0.0)
