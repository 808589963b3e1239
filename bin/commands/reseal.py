"""`reseal`: seal all secrets under the newest PAYPHONE_SECRET_KEY, so that older keys can be
dropped.
"""

from collections.abc import Callable
from functools import partial

import click

from actions.deployment.configuration.configure import reseal_setup
from actions.feed.endpoints import reseal_endpoint
from actions.integrations.credentials import reseal_integration
from bin.commands.output import acting, complain, say, say_database
from models.deployment.setup import Setup
from models.feed.webhook_endpoint import WebhookEndpoint
from models.integrations.integration import Integration
from runtime.errors import Misconfigured


@click.command()
def reseal() -> None:
    """Seal the secrets of webhook endpoints, setups and integrations under the newest key of
    PAYPHONE_SECRET_KEY. Run it once all processes know that key.

    Exit code 1 if there is a secret that none of the keys opens.
    """
    changed = 0
    lost = False
    again: list[tuple[str, Callable[[], bool]]] = [
        (endpoint.id, partial(reseal_endpoint, endpoint, acting()))
        for endpoint in WebhookEndpoint.sealed()
    ]
    again += [
        (f"setup of {setup.account_id}", partial(reseal_setup, setup, acting()))
        for setup in Setup.with_secrets()
    ]
    again += [
        (f"integration {row.id}", partial(reseal_integration, row, acting()))
        for row in Integration.with_secrets()
    ]
    for what, reseal_it in again:
        try:
            changed += reseal_it()
        except Misconfigured as error:
            lost = True
            complain(f"{what}: {error}")
    say(
        f"Resealed: {changed}."
        + ("" if lost else " The newest key opens everything: older keys can be dropped.")
    )
    say_database()
    if lost:
        raise SystemExit(1)
