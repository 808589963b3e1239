"""An account's own timeline: what was configured, deployed, bought and taken down, in order."""

from collections.abc import Iterable
from itertools import chain

from models.accounts.account import Account
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentEvent
from models.deployment.phone_line import PhoneLine
from models.effects.effect import Effect
from models.reports.timeline import MOST, Entry
from models.reports.timeline_sources import audited


def own_effects(account: Account) -> list[Effect]:
    """The account's effects that belong to no invoice."""
    where = "account_id = ? AND invoice_id IS NULL ORDER BY created_at LIMIT ?"
    return Effect.all(where, account.id, MOST)


def timeline_of_account(account: Account, effects: Iterable[Entry]) -> list[Entry]:
    """All entries about the account's going live, oldest first.

    `effects` are the entries made from its effects.
    """
    deployments = Deployment.all("account_id = ? ORDER BY id LIMIT ?", account.id, MOST)
    lines = PhoneLine.all("account_id = ? ORDER BY id LIMIT ?", account.id, MOST)
    subjects = [
        f"account:{account.id}",
        *(f"deployment:{each.id}" for each in deployments),
        *(f"phone_line:{each.id}" for each in lines),
    ]
    events = chain.from_iterable(_events_of(each) for each in deployments)
    return sorted(chain(audited(subjects), events, effects), key=lambda entry: (entry.at, entry.id))


def _events_of(deployment: Deployment) -> Iterable[Entry]:
    for event in DeploymentEvent.after(deployment.id, 0, MOST):
        kind = f"deployment.{event.step}" if event.step else "deployment"
        yield Entry(f"told:{event.id}", event.at, "event", kind, event.message, event.state)
