"""`reseal`: seal under the newest PAYPHONE_SECRET_KEY what an old one sealed, so that the old one
can be dropped.
"""

import click

from bin.commands.output import acting, complain, say, say_database
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from models.feed.webhook_endpoint import WebhookEndpoint
from runtime.errors import Misconfigured
from runtime.secret_box import is_newest, seal, unseal


@click.command()
def reseal() -> None:
    """Seal the secrets of webhook endpoints under the newest key of PAYPHONE_SECRET_KEY. Run it
    once all processes know that key.

    Ends with 1 when some open under none of the keys.
    """
    changed, lost = 0, []
    for endpoint in WebhookEndpoint.sealed():
        if is_newest(endpoint.secret):
            continue
        try:
            anew = seal(unseal(endpoint.secret))
        except Misconfigured as error:
            lost.append(endpoint.id)
            complain(f"{endpoint.id}: {error}")
            continue
        with transaction():
            if endpoint.record_resealed(anew):
                AuditEntry.record(
                    acting(),
                    "webhook_endpoint.resealed",
                    f"webhook_endpoint:{endpoint.id}",
                    endpoint.account_id,
                )
                changed += 1
    say(
        f"Sealed anew: {changed}."
        + ("" if lost else " Everything opens under the newest key: older ones may be dropped.")
    )
    say_database()
    if lost:
        raise SystemExit(1)
