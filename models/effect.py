"""The ledger of everything done outside: a row before the call, its outcome after.

`sending → confirmed | refused | unknown`; unknown is settled by the provider's own record or a person.
"""

from datetime import datetime
from typing import Any

from peewee import IntegerField, JSONField, TextField

from models.base import Instant, Row
from runtime.ids import new_id


class Effect(Row):
    """One thing done outside, at most once. `request` is frozen with the key: a retry sends the same bytes."""

    id = TextField(primary_key=True)
    kind = TextField()
    key = TextField(unique=True)
    provider = TextField()
    account_id = TextField(null=True)
    invoice_id = TextField(null=True)
    stripe_account = TextField(default="")
    request = JSONField()
    state = TextField(default="sending")
    generation = IntegerField(default=1)
    provider_id = TextField(null=True)
    answer = JSONField(null=True)
    error_code = TextField(null=True)
    error = TextField(null=True)
    asked_by = TextField()
    reason = TextField()
    deadline = Instant()
    created_at = Instant()
    sent_at = Instant(null=True)
    settled_at = Instant(null=True)

    class Meta:
        indexes = ((("state", "created_at"), False), (("invoice_id", "created_at"), False), (("account_id", "created_at"), False))

    @classmethod
    def reserve(cls, kind: str, key: str, provider: str, request: dict[str, Any], deadline: datetime, now: datetime, **about: Any) -> "Effect":
        """The effect of this key: the row that stands, or a new one in `sending`. Commits with the caller's decision."""
        values = {"id": new_id("eff"), "kind": kind, "key": key, "provider": provider, "request": request, "deadline": deadline, "created_at": now}
        cls.insert(**values, **about).on_conflict(conflict_target=[cls.key], action="IGNORE").execute()
        row: Effect = cls.get(cls.key == key)
        return row

    @property
    def idempotency_key(self) -> str:
        """What the provider is told; a new generation only after its record showed that the last one did nothing."""
        return self.id if self.generation == 1 else f"{self.id}-{self.generation}"

    def record_sent(self, now: datetime) -> None:
        """Bytes are about to leave."""
        self._write(sent_at=self.sent_at or now)

    def record_confirmed(self, provider_id: str, answer: dict[str, Any], now: datetime) -> None:
        """It happened."""
        self._write(state="confirmed", provider_id=provider_id, answer=answer, error=None, error_code=None, settled_at=now)

    def record_refused(self, code: str, error: str, now: datetime) -> None:
        """It did not happen and will not."""
        self._write(state="refused", error_code=code, error=error[:500], settled_at=now)

    def record_unknown(self, code: str, error: str) -> None:
        """It may have happened."""
        self._write(state="unknown", error_code=code, error=error[:500])

    def record_next_generation(self) -> None:
        """The provider's record shows that nothing happened under the last key."""
        self._write(generation=self.generation + 1, state="sending")

    def _write(self, **values: Any) -> None:
        """Write, unless the outcome is known already: confirmed and refused are final."""
        Effect.update(**values).where(Effect.id == self.id, Effect.state.not_in(("confirmed", "refused"))).execute()
        for name, value in values.items():
            setattr(self, name, value)
