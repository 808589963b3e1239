"""Redis locks per invoice, which save two workers from doing the same work.

Correctness rests on the row's version, not on the lock.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

from delivery.attempt import Snooze, defer_release
from delivery.rq import scripts as rq_scripts
from delivery.rq.odd_keys import drop_if_endless
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.redis.connection import connect_redis, disconnect_if_replica
from runtime.settings import get_settings

LEASE = 25.0  # seconds; longer than any attempt (20), shorter than its claim (30)
WAIT = 2.0
PAUSE = 0.02  # seconds between two attempts to take the lock
BUSY_DELAY = 0.5

log = get_log("locks")


class _Connection:
    client: Redis | None = None


def _redis() -> Redis:
    _Connection.client = _Connection.client or connect_redis(get_settings().redis_url, timeout=1.0)
    return _Connection.client


@contextmanager
def invoice_lock(invoice_id: str, wait: float = WAIT) -> Iterator[None]:
    """Hold the invoice's lock.

    Raises Snooze, which uses up no attempt, if it stays busy for `wait` seconds. Without Redis the
    work goes on unlocked, and the compare-and-set on the row decides.
    """
    settings = get_settings()
    lease = settings.shortened(LEASE, settings.payphone_lock_lease)
    name, token = f"payphone:lock:invoice:{invoice_id}", secrets.token_hex(16)
    try:
        held = _take(name, token, lease, wait) or (
            drop_if_endless(_redis(), name) and _take(name, token, lease, wait)
        )
    except RedisError as error:
        disconnect_if_replica(_redis(), error)
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
        if not defer_release(name, token):
            _release(name, token, invoice_id)


def _take(name: str, token: str, lease: float, wait: float) -> bool:
    """Try to take the lock for up to `wait` seconds; return whether we hold it."""
    give_up = time.monotonic() + wait
    while not _redis().execute_command("SET", name, token, "NX", "PX", int(lease * 1000)):
        if time.monotonic() + PAUSE > give_up:
            return False
        time.sleep(PAUSE)
    return True


def _release(name: str, token: str, invoice_id: str) -> None:
    try:
        is_ours = rq_scripts.RELEASE.run(_redis(), [name], token=token)
    except RedisError as error:
        log.info("the lock will expire", invoice_id=invoice_id, error=type(error).__name__)
    else:
        if not is_ours:  # expired or deleted: the row's version has decided
            log.info("lock was no longer ours", invoice_id=invoice_id)
