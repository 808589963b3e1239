"""The definition of a deployment's step; each step is one file in `steps/`.

A step does one thing. It decides in a transaction, and what it makes outside is a single effect,
which carries the step's id as its tag. It reads what it needs to know from providers before that
transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from models.accounts.account import Account
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.resource import Resource
from models.deployment.setup import Setup
from models.effects.effect import Effect

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A step that is being done or undone, with the rows it is about, read in one transaction."""

    account: Account
    deployment: Deployment
    step: DeploymentStep
    steps: list[DeploymentStep]
    setup: Setup
    now: datetime

    def made(self, name: str) -> Json:
        """Return what the step of this name made; empty if there is no such step or it made
        nothing.
        """
        return next((step.made for step in self.steps if step.name == name), {})

    def keep(
        self, provider: str, name: str, provider_id: str, *, row_id: str = "", **more: str
    ) -> None:
        """Record an object made at a provider. Idempotent. The row's id is the step's, unless
        `row_id` is given.
        """
        Resource(
            id=row_id or self.step.id,
            account=self.account.id,
            deployment_id=self.deployment.id,
            provider=provider,
            name=name,
            provider_id=provider_id,
            state="made",
            created_at=self.now,
            updated_at=self.now,
            **more,
        ).insert_new("id")


@dataclass(frozen=True, slots=True)
class Done:
    """The step has nothing more to do outside. `made` is added to what it has made."""

    made: Json = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """The step is not needed here; `why` is shown to the clinic."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Something outside is not ready: run again in `seconds`; with 0, another event stages the step
    again. `status` is the deployment's while it waits. `asks_clinic`: it waits for the clinic,
    which gets an event about it.
    """

    seconds: float
    why: str
    status: str = "running"
    asks_clinic: bool = False


@dataclass(frozen=True, slots=True)
class Fail:
    """The step cannot be done, now or later. `title` is the sentence shown to the clinic, `detail`
    the reason and what to do.
    """

    code: str
    title: str
    detail: str = ""


Plan = Effect | Done | Skip | Wait | Fail
# Fail: it cannot be undone, and is left to an operator
UndoPlan = Effect | Done | Skip | Wait | Fail


def _nothing_to_see(_run: Run) -> Json:
    return {}


def _made_nothing(_run: Run, _effect: Effect, _answer: Json) -> Json:
    return {}


def _nothing_to_undo(_run: Run) -> UndoPlan:
    return Skip("")


def _nothing_to_record(_run: Run, _effect: Effect, _answer: Json) -> str | None:
    return None


def _refused(_run: Run, effect: Effect) -> Plan:
    """Fail with the provider's own words as the reason."""
    return Fail(effect.error_code or "refused", "Deployment failed.", effect.error or "")


def _never(_run: Run) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKind:
    """The definition of one step.

    `saying` is the progress message while it runs, ticked when done. `look` reads from providers,
    outside any transaction; `plan` decides with what `look` returned, in a transaction; `record`
    returns what the effect's answer made, in the transaction that ends the step; `refused` decides
    what a refusal means: usually failure, but it can be another plan (`Done`, `Wait`).

    `undo` plans the removal of what the step made. `undone` records that it is removed, and can
    return a message that replaces `undo_saying`. `lasts`: what it makes costs money or can be
    reached by callers, so the clinic is told that it was undone. `again` names the earlier step
    that is repeated when this one failed and is retried; repetitions are counted in its `tries`.
    `is_outdated`: whether the step was done with settings that have changed since.
    """

    name: str
    saying: str
    plan: Callable[[Run, Json], Plan]
    look: Callable[[Run], Json] = _nothing_to_see
    record: Callable[[Run, Effect, Json], Json] = _made_nothing
    refused: Callable[[Run, Effect], Plan] = _refused
    undo: Callable[[Run], UndoPlan] = _nothing_to_undo
    undone: Callable[[Run, Effect, Json], str | None] = _nothing_to_record
    undo_saying: str = ""
    lasts: bool = True
    again: str = ""
    is_outdated: Callable[[Run], bool] = _never


class Made(Protocol):
    """An object at a provider that a step makes, and removes when it is undone."""

    @property
    def name(self) -> str:
        """The name of its row."""

    def look(self, run: Run) -> Json:
        """Read its state at the provider."""

    def record(self, run: Run, effect: Effect, answer: Json, /) -> Json:
        """Record that it was made or changed."""

    def undo(self, run: Run) -> UndoPlan:
        """Plan its removal."""

    def undone(self, run: Run, effect: Effect, answer: Json, /) -> None:
        """Record that it is removed."""


def step_of(made: Made, **said: Any) -> StepKind:
    """Return a step that makes this object and shares its name; `said` overrides the object's
    functions.
    """
    own: dict[str, Any] = {"name": made.name, "look": made.look, "record": made.record}
    return StepKind(**own | {"undo": made.undo, "undone": made.undone} | said)
