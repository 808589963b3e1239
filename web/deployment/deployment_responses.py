"""The API's answers about deployments and numbers, as models."""

from datetime import datetime
from typing import Any, Literal, Self

from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from web.http.responses import Shown, left_out_if_none

DeploymentStatus = Literal[
    "queued",
    "running",
    "payment_action_required",
    "awaiting_port",
    "live",
    "rolling_back",
    "rolled_back",
    "failed",
    "taken_down",
]
StepState = Literal[
    "waiting", "running", "done", "skipped", "failed", "undoing", "undone", "undo_failed"
]


class StepShown(Shown):
    """A step of a deployment. `message` is for the clinic, `error` the reason for a failure."""

    name: str
    state: StepState
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None = left_out_if_none()

    @classmethod
    def of(cls, row: DeploymentStep, **given: Any) -> Self:
        """The answer about a step."""
        return super().of(row, error=row.error or None, **given)


class DeploymentShown(Shown):
    """A deployment. `message` describes its state, `error` the reason for a failure, `code` a
    stable code for it. `fee`, in minor units of `currency`, was charged or will be if it goes on.
    What a failed one has kept is rolled back at `keptUntil`.
    """

    id: str
    account_id: str
    status: DeploymentStatus
    method: str
    message: str
    code: str | None
    error: str | None
    fee: int
    currency: str
    can_retry: bool
    can_roll_back: bool
    kept_until: datetime | None
    steps: list[StepShown]
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Deployment, **given: Any) -> Self:
        """The answer about a deployment, with its steps."""
        shown: dict[str, Any] = {
            "code": row.error_code or None,
            "error": row.error or None,
            "currency": row.fee_currency,
            "can_retry": row.has_kept_resources,
            "can_roll_back": row.can_be_rolled_back,
            "steps": [StepShown.of(step) for step in DeploymentStep.of(row.id)],
        }
        return super().of(row, **shown | given)


class DeploymentList(Shown):
    """A page of deployments, newest first."""

    data: list[DeploymentShown]
    has_more: bool


class NumberBought(Shown):
    """The number that was bought."""

    success: bool
    phone_number: str
    sid: str
