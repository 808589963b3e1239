"""Redis: reachable, not evicting, persisting to disk."""

from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from bin.commands.checks.clocks import compare
from bin.commands.checks.finding import Finding, Level, judged
from delivery.heartbeats import WRITE_KEY

NEARLY_FULL = 0.8
READ_ONLY = (
    "Point REDIS_URL to the primary (redis+sentinel://… finds it), or promote this replica:"
    " REPLICAOF NO ONE. No job runs until then."
)
FULL = "Raise maxmemory. Workers finish what is queued; new jobs wait in the database until then."


def check_redis(redis: Redis) -> Iterator[Finding]:
    """Check what INFO reports, which is permitted where CONFIG is not. Raises RedisError."""
    info: dict[str, Any] = redis.info("everything")
    product = "valkey" if "valkey_version" in info else "redis"
    yield Finding(
        "ok", "Redis", f"{product} {info.get('valkey_version') or info['redis_version']} answers"
    )
    memory = list(_memory(info))
    yield from memory
    replica = info.get("role") == "slave"
    if replica:
        yield Finding("fail", "Redis role", "a read-only replica, as after a failover", READ_ONLY)
    elif all(finding.level != "fail" or finding.what != "Redis memory" for finding in memory):
        yield _writes(redis)
    yield from _persistence(info)
    yield compare("Redis", lambda: _time(redis))


def _time(redis: Redis) -> float:
    seconds, micros = redis.time()
    return float(seconds) + float(micros) / 1_000_000


def _memory(info: dict[str, Any]) -> Iterator[Finding]:
    policy = str(info.get("maxmemory_policy", "unknown"))
    advice = (
        "Set maxmemory-policy noeviction: with any other policy a full Redis silently drops jobs."
    )
    yield judged(policy != "noeviction", "Redis eviction", f"maxmemory-policy {policy}", advice)
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit:
        found = f"{used / limit:.0%} of {limit / 2**20:.0f} MiB used"
        level: Level = "fail" if used >= limit else "warn"
        yield judged(used > NEARLY_FULL * limit, "Redis memory", found, FULL, level)


def _writes(redis: Redis) -> Finding:
    try:
        redis.set(WRITE_KEY, 1, ex=60)
    except ResponseError as error:
        return Finding(
            "fail",
            "Redis writes",
            f"refused: {str(error)[:100]}",
            "Check Redis' log and its disk. Jobs wait in the database.",
        )
    return Finding("ok", "Redis writes", "accepted")


def _persistence(info: dict[str, Any]) -> Iterator[Finding]:
    aof = bool(info.get("aof_enabled"))
    advice = (
        "Set appendonly yes: otherwise a restart loses the queues, and every due job must be pushed"
        " again from the database."
    )
    yield judged(not aof, "Redis append-only file", "on" if aof else "off", advice)
    keys = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
    errors = [key for key in keys if info.get(key, "ok") != "ok" and (aof or key.startswith("rdb"))]
    found = f"errors: {', '.join(errors)}" if errors else "no errors"
    yield judged(
        bool(errors),
        "Redis persistence",
        found,
        "Check Redis' log and its disk: full, or not writable.",
    )
