"""`reseal`: seal under the newest PAYPHONE_SECRET_KEY what an old one sealed, so that the old one
can be dropped.
"""

import click

from actions.feed.endpoints import reseal_endpoint
from bin.commands.output import acting, complain, say, say_database
from models.feed.webhook_endpoint import WebhookEndpoint
from runtime.errors import Misconfigured


@click.command()
def reseal() -> None:
    """Seal the secrets of webhook endpoints under the newest key of PAYPHONE_SECRET_KEY. Run it
    once all processes know that key.

    Ends with 1 when some open under none of the keys.
    """
    changed = 0
    lost = False
    for endpoint in WebhookEndpoint.sealed():
        try:
            changed += reseal_endpoint(endpoint, acting())
        except Misconfigured as error:
            lost = True
            complain(f"{endpoint.id}: {error}")
    say(
        f"Sealed anew: {changed}."
        + ("" if lost else " Everything opens under the newest key: older ones may be dropped.")
    )
    say_database()
    if lost:
        raise SystemExit(1)
