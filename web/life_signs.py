"""Who is alive, as Redis tells: relay, scheduler, workers of each queue."""

from dataclasses import dataclass

from redis import Redis

from delivery.relay import HEARTBEAT_KEY
from delivery.rq_mend import live_workers
from delivery.ticker import SEEN_KEY
from runtime.settings import QUEUES

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class LifeSigns:
    """Seconds since relay and scheduler were last seen (None: not for a minute), and live workers per queue."""

    relay: float | None
    scheduler: float | None
    workers: dict[str, int]


def read_life_signs(redis: Redis, now: int) -> LifeSigns:
    """`now` is the database's clock in microseconds, which the relay writes too. Raises RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.get(HEARTBEAT_KEY)
        pipe.get(SEEN_KEY)
        relay, scheduler = pipe.execute()
    return LifeSigns(_age(relay, 1, now), _age(scheduler, _SECOND, now), live_workers(redis, QUEUES))


def _age(written: bytes | None, unit: int, now: int) -> float | None:
    return None if written is None else max(0.0, (now - int(written) * unit) / _SECOND)
