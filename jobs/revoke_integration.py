"""Revoke a disconnected integration's credential at its provider, then erase it here.

Twice is harmless: a credential that is no longer valid counts as revoked.
"""

from actions.integrations.renew import revoke_credential
from delivery.attempt import recording
from delivery.registry import job


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def revoke_integration(integration_id: str) -> None:
    """Revoke the credential of integration `integration_id`."""
    write = revoke_credential(integration_id)
    with recording():
        write()
