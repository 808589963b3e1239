"""How often a login may be tried: per address and per name.

Counts live in Redis, so that all web processes share them. While Redis is away or hangs, each process
counts in its own memory: the limit then holds per process, which is looser by their number, and never
open. After a failure Redis is left alone for some seconds, so that it costs one request, not each.

Names are counted by their hash: people type passwords into the wrong field. A stranger who knows an
operator's name can keep it locked for as long as the tries go on; that is the price of a limit per name.
"""

import hashlib
import threading

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from models.operator import normal_name
from runtime.clock import real_seconds
from runtime.errors import Misconfigured
from runtime.log import get_log
from runtime.redis_connection import NUDGE_TIMEOUT, connect_redis
from runtime.settings import get_settings

PER_ADDRESS = RateLimitItemPerMinute(20, 15)  # 20 tries in 15 minutes
PER_NAME = RateLimitItemPerMinute(10, 15)
WINDOW = 15 * 60  # seconds
PAUSE = 5.0  # seconds without Redis after it failed

log = get_log("login")


class LoginLimit:
    """Counts tries; a login that succeeds clears its counts."""

    def __init__(self) -> None:
        self._memory = FixedWindowRateLimiter(MemoryStorage())
        self._redis: FixedWindowRateLimiter | None = None
        self._paused_until = 0.0
        self._lock = threading.Lock()

    def may_try(self, address: str, name: str) -> bool:
        """Count one try; False when the address or the name has had too many."""
        return all([self._hit(item, key) for item, key in _keys(address, name)])  # noqa: C419 - both are counted, always

    def clear(self, address: str, name: str) -> None:
        """Forget the tries that led to a login."""
        for item, key in _keys(address, name):
            self._memory.clear(item, key)
            limiter = self._shared()
            if limiter is not None:
                try:
                    limiter.clear(item, key)
                except RedisError as error:
                    self._pause(error)

    def _hit(self, item: RateLimitItem, key: str) -> bool:
        limiter = self._shared()
        if limiter is not None:
            try:
                return limiter.hit(item, key)
            except RedisError as error:
                self._pause(error)
        return self._memory.hit(item, key)

    def _shared(self) -> FixedWindowRateLimiter | None:
        if real_seconds() < self._paused_until:
            return None
        with self._lock:
            if self._redis is None:
                try:
                    pool = connect_redis(get_settings().redis_url, timeout=NUDGE_TIMEOUT).connection_pool
                except (RedisError, Misconfigured) as error:
                    self._pause(error)
                    return None
                self._redis = FixedWindowRateLimiter(RedisStorage("redis://", connection_pool=pool, key_prefix="payphone:limit"))
        return self._redis

    def _pause(self, error: Exception) -> None:
        self._paused_until = real_seconds() + PAUSE
        log.warning("login tries are counted in memory", error=type(error).__name__, pause_seconds=PAUSE)


def _keys(address: str, name: str) -> tuple[tuple[RateLimitItem, str], ...]:
    digest = hashlib.sha256(normal_name(name).encode()).hexdigest()[:32]
    return (PER_ADDRESS, f"login-address-{address}"), (PER_NAME, f"login-name-{digest}")
