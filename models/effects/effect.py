"""The ledger of effects at providers: a row before the call, its outcome after.

`sending → confirmed | refused | unknown`; unknown is settled by the provider's own record or by a
person.
"""

from datetime import datetime
from typing import Any

from peewee import SQL, BooleanField, IntegerField, JSONField, TextField

from models.accounts.account import Account
from models.base import Instant, Row, to_micros
from models.effects.daily_limit import Limited, count_reserved
from runtime.clock import business_now
from runtime.errors import Conflict, PayphoneError
from runtime.ids import new_id

_IS_OPEN = "generation = ? AND state NOT IN ('confirmed', 'refused')"
BY_HAND = "settled_by_hand"  # error code of an effect that, according to a person, did not happen


def as_stored(value: Any) -> Any:
    """A JSON value with keys in the order in which both databases return them: PostgreSQL sorts
    shorter keys first. So the first request has the same bytes as every retry.
    """
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: (len(name.encode()), name.encode()))
        return {name: as_stored(value[name]) for name in names}
    if isinstance(value, list):
        return [as_stored(each) for each in value]
    return value


class Contradiction(PayphoneError):
    """Two different outcomes are reported for one effect: a person must check at the provider."""


class Effect(Row):
    """An action at a provider, done at most once.

    `request` is frozen with the key: a retry sends the same bytes. `repeated`: the provider
    returned the same error for this key twice, so it has stored that answer, and the request is
    over.
    """

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
    last_sent_at = Instant(null=True)
    repeated = BooleanField(default=False)

    class Meta:
        indexes = (
            (("state", "created_at"), False),
            (("invoice_id", "created_at"), False),
            (("account_id", "created_at"), False),
        )

    @classmethod
    def reserve(
        cls,
        kind: str,
        key: str,
        provider: str,
        request: dict[str, Any],
        deadline: datetime,
        now: datetime,
        daily_limit: Limited | None,
        account: Account | None = None,
        **about: Any,
    ) -> "Effect":
        """The effect with this key: the existing row, or a new one in `sending`.

        Commits with the caller's decision. A new one counts towards the `daily_limit` of its
        account; a caller that has loaded the `account` passes it besides its id, to save a query.
        """
        values = {
            "id": new_id("eff"),
            "kind": kind,
            "key": key,
            "provider": provider,
            "request": as_stored(request),
            "deadline": deadline,
            "created_at": now,
        }
        fresh = cls(**values, **about)
        if fresh.insert_new("key"):
            account_id = about.get("account_id")
            if daily_limit is not None and account_id is not None:
                counted = account or Account.get_by_id(account_id)
                count_reserved(counted, daily_limit, business_now())
            return fresh
        row = cls.one("key = ?", key)
        if row is None:
            raise cls.DoesNotExist(f"No effect {key}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def last_confirmed_before(cls, kind: str, stripe_account: str, moment: datetime) -> str | None:
        """The provider's id of the newest effect of this kind that had certainly happened before
        `moment`, or None.
        """
        older = (cls.state == "confirmed") & (cls.created_at < moment) & (cls.settled_at < moment)
        query = cls.select(cls.provider_id).where(
            older, cls.kind == kind, cls.stripe_account == stripe_account
        )
        row = query.order_by(cls.created_at.desc()).limit(1).first()
        return row.provider_id if row else None

    @classmethod
    def refusals(cls, kind: str, subject: str, invoice_id: str) -> int:
        """How many of the invoice's effects `kind:subject`, `kind:subject:1` … were refused."""
        key = f"{kind}:{subject}"
        mine = (cls.invoice_id == invoice_id) & ((cls.key == key) | cls.key.startswith(f"{key}:"))
        return int(cls.select().where(mine, cls.state == "refused").count())

    @classmethod
    def unsettled(cls, kind: str, subject: str, invoice_id: str) -> "list[Effect]":
        """The invoice's effects `kind:subject:…` whose outcome is not yet known."""
        mine = (cls.invoice_id == invoice_id) & cls.key.startswith(f"{kind}:{subject}:")
        return list(cls.select().where(mine, cls.state << ("sending", "unknown")))

    @property
    def idempotency_key(self) -> str:
        """The key sent to the provider.

        A new generation begins only after the provider's record showed that the last key did
        nothing.
        """
        return self.id if self.generation == 1 else f"{self.id}-{self.generation}"

    @classmethod
    def doubtful(cls, sent_before: datetime | int | None = None) -> Any:
        """The condition that an effect is `in_doubt`.

        With `sent_before`, an effect that awaits its first answer matches only if it was last sent
        before that.
        """
        unanswered = (
            cls.sent_at.is_null(False) if sent_before is None else cls.last_sent_at < sent_before
        )
        return cls.state.in_(("sending", "unknown")) & ((cls.state == "unknown") | unanswered)

    @property
    def in_doubt(self) -> bool:
        """Whether it may have happened: it was sent, and its outcome is unknown."""
        return self.state == "unknown" or (self.state == "sending" and self.sent_at is not None)

    def record_sent_once(self, now: datetime) -> bool:
        """Record that the request is about to be sent, unless it was or may have been sent already.

        Returns whether this caller may send it.
        """
        free = "state = 'sending' AND sent_at IS NULL AND generation = ?"
        return self._write(only_if=free, given=(self.generation,), sent_at=now, last_sent_at=now)

    def record_never_sent(self, code: str, error: str, now: datetime) -> bool:
        """Refuse an effect that was never sent.

        Returns False, and writes nothing, if it may have been sent since the caller read the row.
        """
        return self._write(
            only_if="state = 'sending' AND sent_at IS NULL AND generation = ?",
            given=(self.generation,),
            state="refused",
            error_code=code,
            error=error[:500],
            settled_at=now,
        )

    def record_not_sent(self) -> bool:
        """Record that the last request was not sent or was turned away without effect, so that it
        can be sent again at once. Returns False if another attempt has sent it since.
        """
        return self._write(
            only_if="state = 'sending' AND generation = ? AND last_sent_at = ?",
            given=(self.generation, self._sent_micros()),
            sent_at=None,
            last_sent_at=None,
        )

    def is_unchanged(self) -> bool:
        """Whether the row is unchanged since this process wrote it: no other has taken over."""
        return Effect.has(
            "id = ? AND state = 'sending' AND generation = ? AND last_sent_at = ?",
            self.id,
            self.generation,
            self._sent_micros(),
        )

    def _sent_micros(self) -> int | None:
        return None if self.last_sent_at is None else to_micros(self.last_sent_at)

    def record_sent(self, now: datetime) -> None:
        """Record that the request is about to be sent. `sent_at` keeps the first time per key."""
        self._record(sent_at=self.sent_at or now, last_sent_at=now)

    def record_confirmed(self, provider_id: str, answer: dict[str, Any], now: datetime) -> None:
        """Record that it happened.

        Repeating this with the same `provider_id` is harmless. Raises Contradiction if another
        outcome is known, Conflict if another attempt began a new key.
        """
        written = self._write(
            only_if=_IS_OPEN,
            given=(self.generation,),
            state="confirmed",
            provider_id=provider_id,
            answer=answer,
            error=None,
            error_code=None,
            settled_at=now,
        )
        if written:
            return
        known = Effect.get_by_id(self.id)
        if known.state == "confirmed" and known.provider_id == provider_id:
            return
        if known.state in {"confirmed", "refused"}:
            raise Contradiction(
                f"Effect {self.id} is {known.state} ({known.provider_id or known.error_code}), yet"
                f" {self.provider} has {provider_id}."
            )
        raise Conflict(f"Effect {self.id} was given a new key by another attempt.")

    def record_refused(self, code: str, error: str, now: datetime) -> None:
        """Record that it did not happen and will not. Raises Conflict as `_record` does."""
        self._record(state="refused", error_code=code, error=error[:500], settled_at=now)

    def record_unknown(self, code: str, error: str, repeated: bool = False) -> None:
        """Record that it may have happened; `repeated` if the provider returned the error twice."""
        self._record(state="unknown", error_code=code, error=error[:500], repeated=repeated)

    def record_next_generation(self) -> None:
        """Begin a new key: the provider's record shows that nothing happened under the last one."""
        self._record(
            generation=self.generation + 1,
            state="sending",
            sent_at=None,
            last_sent_at=None,
            error_code=None,
            error=None,
            repeated=False,
        )

    def _record(self, **values: Any) -> None:
        """Write `values`, unless the outcome is already known (confirmed and refused are final) or
        another attempt began a new key.

        In that case it raises Conflict: the caller's row is stale, so it must not act on it.
        """
        if not self._write(
            only_if=_IS_OPEN,
            given=(self.generation,),
            **values,
        ):
            raise Conflict(f"Effect {self.id} was settled, or given a new key, by another attempt.")


Effect.add_index(
    Effect.index(
        Effect.account_id,
        Effect.created_at,
        where=SQL("invoice_id IS NULL"),
        name="effect_of_account",
    )
)
