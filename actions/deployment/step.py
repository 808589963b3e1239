"""What a step of a deployment says of itself; each is one file in `steps/`.

A step does one thing. It decides in a transaction, and what it makes outside is one effect, which
carries the step's id as its tag; what it has to know of a provider first, it reads before that.
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
        """What the step of this name made; empty if there is none, or it made nothing."""
        return next((step.made for step in self.steps if step.name == name), {})

    def keep(
        self, provider: str, name: str, provider_id: str, *, row_id: str = "", **more: str
    ) -> None:
        """Write down what was made at a provider, once, however often it is told. The row's id is
        the step's, unless one is given.
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
    """The step is not needed here; `why` is told."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back in `seconds`: something outside is not ready yet. `status` is the deployment's
    meanwhile; with 0 seconds somebody else stages the step again. `asks_clinic`: it waits for the
    clinic, which is told so.
    """

    seconds: float
    why: str
    status: str = "running"
    asks_clinic: bool = False


@dataclass(frozen=True, slots=True)
class Fail:
    """It cannot be done, now or later. `title` is the sentence that the clinic is told, `detail`
    the reason behind it and what to do.
    """

    code: str
    title: str
    detail: str = ""


Plan = Effect | Done | Skip | Wait | Fail
# Fail: it cannot be undone, and is left to a person
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
    """What a provider refused cannot be done; its own words are the reason."""
    return Fail(effect.error_code or "refused", "Deployment failed.", effect.error or "")


def _never(_run: Run) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKind:
    """One step.

    `saying` is told while it is done, and ticked when it is. `look` reads what is to be known at
    providers, outside any transaction; `plan` decides with what it saw, in a transaction; `record`
    says what the effect's answer has made, in the transaction that ends the step; `refused` what
    a refusal means: mostly that the deployment fails, but it may also be another plan (`Done`,
    `Wait`).

    `undo` plans what takes it away again, `undone` records that it is away, and may say
    other words for that than `undo_saying`. `lasts`: what it makes
    costs, or can be reached by callers, so that a clinic is told that it was undone. `again` names
    the step before it that is done once more when this one has failed and is tried again; its
    `tries` are counted. `is_outdated`: what it has done was of settings that were changed since.
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
    """An object at a provider that a step makes, and takes away when it is undone."""

    @property
    def name(self) -> str:
        """That of its row."""

    def look(self, run: Run) -> Json:
        """How it stands there."""

    def record(self, run: Run, effect: Effect, answer: Json, /) -> Json:
        """It is made, or changed."""

    def undo(self, run: Run) -> UndoPlan:
        """Take it away."""

    def undone(self, run: Run, effect: Effect, answer: Json, /) -> None:
        """It is away."""


def step_of(made: Made, **said: Any) -> StepKind:
    """The step that makes an object, called as it; what is `said` counts instead."""
    own: dict[str, Any] = {"name": made.name, "look": made.look, "record": made.record}
    return StepKind(**own | {"undo": made.undo, "undone": made.undone} | said)
