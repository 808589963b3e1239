"""Who is alive, as Redis tells: relay, scheduler, workers of each queue."""

from dataclasses import dataclass

from redis import Redis

from delivery.relay import HEARTBEAT_KEY
from delivery.rq_mend import live_workers
from delivery.ticker import SEEN_KEY
from runtime.settings import QUEUES

WRITE_KEY = "payphone:writable"
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class LifeSigns:
    """Seconds since relay and scheduler were last seen (None: not for a minute), live workers per
    queue.

    `refusal` is why Redis would not write just now; '' if it did.
    """

    relay: float | None
    scheduler: float | None
    workers: dict[str, int]
    refusal: str = ""


def read_life_signs(redis: Redis, now: int) -> LifeSigns:
    """`now` is the database's clock in microseconds, which the relay writes too.
    Raises RedisError.
    """
    with redis.pipeline(transaction=False) as pipe:
        pipe.get(HEARTBEAT_KEY)
        pipe.get(SEEN_KEY)
        pipe.set(WRITE_KEY, 1, ex=60)
        relay, scheduler, written = pipe.execute(raise_on_error=False)
    for answer in (relay, scheduler):
        if isinstance(answer, Exception):
            raise answer
    refusal = type(written).__name__ if isinstance(written, Exception) else ""
    return LifeSigns(
        _age(relay, 1, now), _age(scheduler, _SECOND, now), live_workers(redis, QUEUES), refusal
    )


def _age(written: bytes | None, unit: int, now: int) -> float | None:
    return None if written is None else max(0.0, (now - int(written) * unit) / _SECOND)
