"""Which of relay, scheduler and workers are running, by their heartbeats in Redis."""

from dataclasses import dataclass

from redis import Redis

from delivery.relay import FROZEN_KEY, HEARTBEAT_KEY
from delivery.rq.mend import live_workers
from delivery.scheduler import SEEN_KEY
from runtime.settings import INSTEAD_OF_INTERACTIVE, INTERACTIVE, QUEUES

DETOUR = (
    f"what people wait for goes to {INSTEAD_OF_INTERACTIVE}, whose workers may be busy for long;"
    f" add {INTERACTIVE}=1 to WORKERS and restart them"
)
WRITE_KEY = "payphone:writable"
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class LifeSigns:
    """Seconds since the last heartbeats of relay and scheduler (None: none for a minute), and how
    many workers each queue has.

    `refusal` is the error with which Redis has just refused to write; '' if it has not. `frozen` is
    the pool whose supervisor does nothing; '' for none.
    """

    relay: float | None
    scheduler: float | None
    workers: dict[str, int]
    refusal: str = ""
    frozen: str = ""

    @property
    def detour(self) -> str:
        """What follows from it, and what to do, when only other queues are served than that of what
        people wait for, as under `WORKERS` of an older release; empty when it is served.
        """
        served = self.workers[INSTEAD_OF_INTERACTIVE] and not self.workers[INTERACTIVE]
        return DETOUR if served else ""


def read_life_signs(redis: Redis, now: int) -> LifeSigns:
    """Read the heartbeats. `now` is the database's clock in microseconds, which the relay writes
    too. Raises RedisError.
    """
    with redis.pipeline(transaction=False) as pipe:
        pipe.get(HEARTBEAT_KEY)
        pipe.get(SEEN_KEY)
        pipe.get(FROZEN_KEY)
        pipe.set(WRITE_KEY, 1, ex=60)
        relay, scheduler, frozen, written = pipe.execute(raise_on_error=False)
    for answer in (relay, scheduler, frozen):
        if isinstance(answer, Exception):
            raise answer
    refusal = type(written).__name__ if isinstance(written, Exception) else ""
    return LifeSigns(
        _age(relay, 1, now),
        _age(scheduler, _SECOND, now),
        live_workers(redis, QUEUES),
        refusal,
        (frozen or b"").decode("utf-8", "replace"),
    )


def _age(written: bytes | None, unit: int, now: int) -> float | None:
    if written is None or not written.isdigit():  # what nobody of ours has written is no sign
        return None
    return max(0.0, (now - int(written) * unit) / _SECOND)
