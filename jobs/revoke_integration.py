"""A credential that a clinic has disconnected is taken back at its provider, then forgotten here.

Twice is harmless: what is not valid any more counts as taken back.
"""

from actions.integrations.renew import revoke
from delivery.attempt import recording
from delivery.registry import job


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def revoke_integration(integration_id: str) -> None:
    """Take back the credential of integration `integration_id`."""
    write = revoke(integration_id)
    with recording():
        write()
