"""`deployments`: what could not be undone and a person has seen to."""

import click

from actions.deployment.settle_undo import settle_undo
from bin.commands.output import acting, say
from models.deployment.deployment import Deployment


@click.group()
def deployments() -> None:
    """Deployments: clinics going live, and what could not be undone."""


@deployments.command()
@click.argument("deployment_id")
@click.argument("step")
@click.option("--why", required=True, help="How you know; kept in the audit log.")
def settle(deployment_id: str, step: str, why: str) -> None:
    """Say that what STEP of DEPLOYMENT_ID left is away, or its fee given back another way, once you
    have seen to it at the provider.
    """
    if not why.strip():
        raise click.UsageError("--why is empty: how do you know?")
    if Deployment.get_or_none(Deployment.id == deployment_id) is None:
        told = f"there is no deployment {deployment_id[:40]!r}."
        raise click.BadParameter(told, param_hint="DEPLOYMENT_ID")
    settled = settle_undo(deployment_id, step, why.strip()[:500], acting())
    say(f"{deployment_id}: {settled.name} is settled; doctor does not name it any more.")
