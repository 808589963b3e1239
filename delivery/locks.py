"""Per-invoice Redis locks, which spare two workers from doing the same work. What makes it safe is
the row's version, not the lock.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import LockError, RedisError

from delivery.attempt import Snooze, leave_lock
from delivery.odd_keys import drop_if_endless
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.redis_connection import connect_redis
from runtime.settings import get_settings

LEASE = 25.0  # seconds; longer than any attempt (20), shorter than its claim (30)
WAIT = 2.0
BUSY_DELAY = 0.5

log = get_log("locks")


class _Connection:
    client: Redis | None = None


def _redis() -> Redis:
    _Connection.client = _Connection.client or connect_redis(get_settings().redis_url, timeout=1.0)
    return _Connection.client


@contextmanager
def invoice_lock(invoice_id: str, wait: float = WAIT) -> Iterator[None]:
    """Hold the invoice's lock. Raises Snooze, which uses up no attempt, when it stays busy for
    `wait` seconds.

    Without Redis the work goes on unlocked, and the compare-and-set on the row decides.
    """
    settings = get_settings()
    lease = settings.shortened(LEASE, settings.payphone_lock_lease)
    name = f"payphone:lock:invoice:{invoice_id}"
    token = secrets.token_hex(16)
    lock = _redis().lock(
        name,
        timeout=lease,
        blocking_timeout=wait,
        sleep=0.02,
        thread_local=False,
    )
    try:
        held = lock.acquire(token=token) or (
            drop_if_endless(_redis(), name) and lock.acquire(token=token)
        )
    except RedisError as error:
        log.warning(
            "no lock, relying on the row's version alone",
            invoice_id=invoice_id,
            error=type(error).__name__,
        )
        yield
        return
    if not held:
        raise Snooze(f"invoice {invoice_id} is locked by another worker", BUSY_DELAY)
    try:
        killpoint("lock.held")
        yield
    finally:
        try:
            if not leave_lock(name, token):
                lock.release()
        except (LockError, RedisError) as error:  # expired or gone: the row's version has decided
            log.info("lock was no longer ours", invoice_id=invoice_id, error=type(error).__name__)
