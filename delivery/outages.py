"""What relay and workers do while the database or Redis is unavailable: wait, log, continue."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from peewee import PeeweeException
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from delivery.rq.odd_keys import drop_wrong_types, is_wrong_type
from models.database_errors import explain
from models.transactions import release_connection
from runtime.log import LogThrottle, get_log
from runtime.redis.connection import disconnect_if_replica, refuses_writes

SHORTEST, LONGEST = 0.5, 4.0  # seconds of a pause; each is twice the one before

REFUSES = (
    "Redis refuses writes: it or its disk is full, or it is a replica. Free some space, or name the"
    " primary in REDIS_URL. Due jobs wait in the database."
)
ODD = "Redis holds a value of another type under a key of ours. It is deleted; the rows decide."
AWAY = "Redis cannot be reached. Start it, and check REDIS_URL. Due jobs wait in the database."
LOCKED_OUT = (
    "Redis rejects our login. Correct the name and password in REDIS_URL. Due jobs wait in the"
    " database."
)
FORBIDDEN = (
    "Redis is running, but forbids a command of ours. REDIS_URL must name a single server or its"
    " Sentinels, not a cluster; a database that exists; and a user with all rights (+@all ~* &*)."
    " Due jobs wait in the database."
)

log = get_log("waiting")


def explain_redis(error: RedisError) -> str:
    """Explain in sentences what is wrong with Redis and what to do."""
    if is_wrong_type(error):
        return ODD
    if refuses_writes(error):
        return REFUSES
    if isinstance(error, ResponseError):
        return FORBIDDEN
    return LOCKED_OUT if isinstance(error, AuthenticationError) else AWAY


class OutageBackoff:
    """Back-off of a process: each consecutive failure doubles the pause, logged once a minute."""

    def __init__(self, who: str, redis: Redis) -> None:
        self._who = who
        self._redis = redis
        self._pause = 0.0
        self._since = 0.0
        self._throttle = LogThrottle()

    @contextmanager
    def ride_out(self) -> Iterator[None]:
        """Run the block; if the database or Redis fails, log it and pause.

        Interrupted work is done by a later look, or when its lease expires.
        """
        try:
            yield
        except RedisError as error:
            self.log_failure(error)
            disconnect_if_replica(self._redis, error)
            self._wait()
        except PeeweeException as error:
            self._say(explain(error), error)
            self._wait()
        else:
            self._go_on()
        finally:
            release_connection()

    def log_failure(self, error: RedisError) -> None:
        """Log what is wrong with Redis; keys of a wrong type are deleted at once."""
        self._say(explain_redis(error), error)
        if is_wrong_type(error):
            with suppress(RedisError):  # the next complaint retries it
                drop_wrong_types(self._redis)

    def _say(self, why: str, error: Exception) -> None:
        kind = type(error).__name__
        if self._throttle.is_due(f"{why} {kind}"):
            log.warning(why, who=self._who, error=kind, detail=str(error)[:200])

    def _wait(self) -> None:
        if not self._pause:
            self._since = time.monotonic()
        self._pause = min(max(self._pause * 2, SHORTEST), LONGEST)
        time.sleep(self._pause)

    def _go_on(self) -> None:
        if self._pause:
            waited = round(time.monotonic() - self._since, 1)
            log.info("the outage is over", who=self._who, waited_seconds=waited)
            self._pause = 0.0
