"""The steps of a deployment, and the events that report them as they happen."""

from datetime import datetime
from typing import Any

from peewee import SQL, BigAutoField, IntegerField, JSONField, TextField

from models.base import ForeignKey, Instant, Row
from models.deployment.deployment import Deployment


class DeploymentStep(Row):
    """`waiting → running → done | skipped | failed`, and back: `undoing → undone | undo_failed`.

    `made`: the provider's ids, and what the next steps need to know. The step's id is the tag of
    what it creates at a provider. `position` counts from 0.
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
        """All steps of a deployment, in order."""
        return cls.all("deployment_id = ? ORDER BY position", deployment_id)

    def record(self, **values: Any) -> None:
        """Write its progress."""
        self._write(**values)


# steps that need a person, and are retried
DeploymentStep.add_index(
    DeploymentStep.index(
        DeploymentStep.id, where=SQL("state = 'undo_failed'"), name="deployment_step_undo_failed"
    )
)


class DeploymentEvent(Row):
    """An event reported of a deployment, in the order in which they happened."""

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
    def record(
        cls, deployment_id: str, step: str, state: str, message: str, now: datetime
    ) -> "DeploymentEvent":
        """Record an event. Commits with the change it reports."""
        row: DeploymentEvent = cls.create(
            deployment=deployment_id, step=step, state=state, message=message, at=now
        )
        return row

    @classmethod
    def after(cls, deployment_id: str, last: int, limit: int = 200) -> "list[DeploymentEvent]":
        """Up to `limit` events after the event `last`."""
        return cls.all(
            "deployment_id = ? AND id > ? ORDER BY id LIMIT ?", deployment_id, last, limit
        )
