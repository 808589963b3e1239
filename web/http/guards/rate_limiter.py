"""Rate limits, counted in Redis so that all web processes share the counts.

While Redis is down or hangs, each process counts in its own memory: the limit then applies per
process, which is looser, but it is never off. After a failure Redis is left alone for a few
seconds, so that only one request, not each, loses a quarter of a second.
"""

import math
import threading
import time

from limits import RateLimitItem
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from runtime.clock import real_seconds
from runtime.errors import Misconfigured
from runtime.log import get_log
from runtime.redis.connection import NUDGE_TIMEOUT, connect_redis, is_of_replica
from runtime.settings import get_settings
from web.http.guards.rate_limits_in_memory import RateLimitsInMemory

PAUSE = 5.0  # seconds without Redis after it failed

log = get_log("limits")


class RateLimiter:
    """Counts hits in fixed windows. Callers choose the keys, which contain nothing personal but an
    address.
    """

    def __init__(self) -> None:
        self._memory = RateLimitsInMemory()
        self._redis: FixedWindowRateLimiter | None = None
        self._paused_until = 0.0
        self._lock = threading.Lock()

    def hit(self, item: RateLimitItem, key: str) -> bool:
        """Count a hit; False if it is over the limit."""
        limiter = self._shared()
        if limiter is not None:
            try:
                return limiter.hit(item, key)
            except RedisError as error:
                self._pause(error)
        return self._memory.hit(item, key)

    def seconds_left(self, item: RateLimitItem, key: str) -> int:
        """Seconds until the window that `key` is in ends, at least 1."""
        return max(1, math.ceil(self._end_of(item, key) - real_seconds()))

    def clear(self, item: RateLimitItem, key: str) -> None:
        """Reset the count of `key`."""
        self._memory.clear(item, key)
        limiter = self._shared()
        if limiter is not None:
            try:
                limiter.clear(item, key)
            except RedisError as error:
                self._pause(error)

    def _end_of(self, item: RateLimitItem, key: str) -> float:
        limiter = self._shared()
        if limiter is not None:
            try:
                return limiter.get_window_stats(item, key).reset_time
            except RedisError as error:
                self._pause(error)
        return self._memory.end_of(item, key)

    def _shared(self) -> FixedWindowRateLimiter | None:
        if time.monotonic() < self._paused_until:
            return None
        with self._lock:
            if self._redis is None:
                try:
                    pool = connect_redis(
                        get_settings().redis_url, timeout=NUDGE_TIMEOUT
                    ).connection_pool
                    self._redis = FixedWindowRateLimiter(
                        RedisStorage("redis://", connection_pool=pool, key_prefix="payphone:limit")
                    )
                except (RedisError, Misconfigured) as error:
                    self._pause(error)
                    return None
        return self._redis

    def _pause(self, error: Exception) -> None:
        self._paused_until = time.monotonic() + PAUSE
        if isinstance(error, RedisError) and is_of_replica(error):
            self._redis = None  # after a failover its name may lead to another server
        log.warning("counting in memory", error=type(error).__name__, pause_seconds=PAUSE)
