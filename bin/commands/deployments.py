"""`deployments`: settle what could not be undone, and release numbers."""

import click

from actions.deployment.numbers.release_account_number import release_account_number
from actions.deployment.settle_undo import settle_undo
from bin.commands.output import acting, say
from bin.commands.reason import reason_given
from models.deployment.deployment import Deployment


@click.group()
def deployments() -> None:
    """Deployments: settle what could not be undone, and release a number for good."""


@deployments.command()
@click.argument("deployment_id")
@click.argument("step")
@click.option(
    "--why", required=True, callback=reason_given, help="How you know; kept in the audit log."
)
def settle(deployment_id: str, step: str, why: str) -> None:
    """Record that you removed at the provider what STEP of DEPLOYMENT_ID left there, or refunded
    its fee another way.
    """
    if Deployment.get_or_none(Deployment.id == deployment_id) is None:
        message = f"there is no deployment {deployment_id[:40]!r}."
        raise click.BadParameter(message, param_hint="DEPLOYMENT_ID")
    settled = settle_undo(deployment_id, step, why, acting())
    say(f"{deployment_id}: {settled.name} is settled; doctor no longer lists it.")


@deployments.command("let-go")
@click.argument("account_id")
@click.option(
    "--why", required=True, callback=reason_given, help="Who requested it; kept in the audit log."
)
def release_number_by_hand(account_id: str, why: str) -> None:
    """Release the number that ACCOUNT_ID has bought or ported to us, for good: you cannot get it
    back. If another carrier is to have it, let that carrier port it first.
    """
    line = release_account_number(account_id, why, acting())
    say(f"{line.e164} is being released; after that, {account_id} can have another number.")
