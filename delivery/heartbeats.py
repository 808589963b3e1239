"""Whether the relay, the scheduler and the workers are running, by their heartbeats in Redis."""

from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError

from delivery.relay import FROZEN_KEY, HEARTBEAT_KEY
from delivery.rq.repair import live_workers
from delivery.scheduler import SEEN_KEY
from runtime.redis.connection import disconnect_if_replica
from runtime.settings import INSTEAD_OF_INTERACTIVE, INTERACTIVE, QUEUES

DETOUR = (
    f"jobs that people wait for go to {INSTEAD_OF_INTERACTIVE}, whose workers may be busy for"
    f" long; add {INTERACTIVE}=1 to WORKERS and restart them"
)
WRITE_KEY = "payphone:writable"
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """Seconds since the last heartbeats of the relay and the scheduler (None: none within a
    minute), and the number of live workers per queue.

    `refusal` is the error with which Redis has just refused a write ('' if it accepted it).
    `frozen` is the pool whose supervisor is frozen ('' if none is).
    """

    relay: float | None
    scheduler: float | None
    workers: dict[str, int]
    refusal: str = ""
    frozen: str = ""

    @property
    def detour(self) -> str:
        """A warning, with what to do, if no worker serves the interactive queue but some serve the
        queue used instead, as under the `WORKERS` setting of an older release; otherwise ''.
        """
        served = self.workers[INSTEAD_OF_INTERACTIVE] and not self.workers[INTERACTIVE]
        return DETOUR if served else ""


def read_heartbeats(redis: Redis, now: int) -> Heartbeats:
    """Read the heartbeats and test whether Redis accepts a write.

    `now` is the database's clock in microseconds, which the relay uses too. Raises RedisError.
    """
    with redis.pipeline(transaction=False) as pipe:
        pipe.get(HEARTBEAT_KEY)
        pipe.get(SEEN_KEY)
        pipe.get(FROZEN_KEY)
        pipe.set(WRITE_KEY, 1, ex=60)
        relay, scheduler, frozen, written = pipe.execute(raise_on_error=False)
    for answer in (relay, scheduler, frozen, written):
        if isinstance(answer, RedisError):
            disconnect_if_replica(redis, answer)
    for answer in (relay, scheduler, frozen):
        if isinstance(answer, Exception):
            raise answer
    refusal = type(written).__name__ if isinstance(written, Exception) else ""
    return Heartbeats(
        _age(relay, 1, now),
        _age(scheduler, _SECOND, now),
        live_workers(redis, QUEUES),
        refusal,
        (frozen or b"").decode("utf-8", "replace"),
    )


def _age(written: bytes | None, unit: int, now: int) -> float | None:
    if written is None or not written.isdigit():  # not written by us: no heartbeat
        return None
    return max(0.0, (now - int(written) * unit) / _SECOND)
