"""The steps of a deployment, and what is told of them as they happen."""

from datetime import datetime
from typing import Any

from peewee import SQL, BigAutoField, IntegerField, JSONField, TextField

from models.base import ForeignKey, Instant, Row
from models.deployment.deployment import Deployment


class DeploymentStep(Row):
    """`waiting → running → done | skipped | failed`, and back: `undoing → undone | undo_failed`.

    `made`: the provider's ids and what the next steps must know of them. Its id is the tag of what
    it makes at a provider. `position` counts from 0.
    """

    deployment_id: str
    id = TextField(primary_key=True)
    deployment = ForeignKey(Deployment, on_delete="CASCADE")
    position = IntegerField()
    name = TextField()
    state = TextField(default="waiting")
    message = TextField(default="")
    error_code = TextField(default="")
    error = TextField(default="")
    made = JSONField(default=dict)
    started_at = Instant(null=True)
    finished_at = Instant(null=True)

    class Meta:
        indexes = ((("deployment", "position"), True), (("deployment", "name"), True))

    @classmethod
    def of(cls, deployment_id: str) -> "list[DeploymentStep]":
        """All steps, in order."""
        return cls.all("deployment_id = ? ORDER BY position", deployment_id)

    def record(self, **values: Any) -> None:
        """Write how far it is."""
        self._write(**values)


# what a person has to see to, or is looked at again
DeploymentStep.add_index(
    DeploymentStep.index(
        DeploymentStep.id, where=SQL("state = 'undo_failed'"), name="deployment_step_undo_failed"
    )
)


class DeploymentEvent(Row):
    """One thing told of a deployment while it ran, in the order in which it happened."""

    deployment_id: str
    id = BigAutoField()
    deployment = ForeignKey(Deployment, on_delete="CASCADE")
    step = TextField(default="")
    state = TextField()
    message = TextField()
    at = Instant()

    class Meta:
        indexes = ((("deployment", "id"), False),)

    @classmethod
    def tell(
        cls, deployment_id: str, step: str, state: str, message: str, now: datetime
    ) -> "DeploymentEvent":
        """Tell it; commits with what it tells of."""
        row: DeploymentEvent = cls.create(
            deployment=deployment_id, step=step, state=state, message=message, at=now
        )
        return row

    @classmethod
    def after(cls, deployment_id: str, last: int, limit: int = 200) -> "list[DeploymentEvent]":
        """What was told after the event `last`."""
        return cls.all(
            "deployment_id = ? AND id > ? ORDER BY id LIMIT ?", deployment_id, last, limit
        )
