"""Redis: reachable, not evicting, persisting to disk."""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from bin.commands.checks.clocks import compare
from bin.commands.checks.finding import Finding, judged

NEARLY_FULL = 0.8


def check_redis(redis: Redis) -> Iterator[Finding]:
    """What INFO reports; it is allowed where CONFIG is not. Raises RedisError."""
    info: dict[str, Any] = redis.info("everything")
    product = "valkey" if "valkey_version" in info else "redis"
    yield Finding("ok", "Redis", f"{product} {info.get('valkey_version') or info['redis_version']} answers")
    yield from _memory(info)
    yield from _persistence(info)
    yield compare("Redis", lambda: _time(redis))


def _time(redis: Redis) -> float:
    seconds, micros = redis.time()
    return float(seconds) + float(micros) / 1_000_000


def _memory(info: dict[str, Any]) -> Iterator[Finding]:
    policy = str(info.get("maxmemory_policy", "unknown"))
    advice = "Set maxmemory-policy noeviction: with any other policy a full Redis silently drops jobs."
    yield judged(policy != "noeviction", "Redis eviction", f"maxmemory-policy {policy}", advice)
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit:
        found = f"{used / limit:.0%} of {limit / 2**20:.0f} MiB used"
        yield judged(used > NEARLY_FULL * limit, "Redis memory", found, "Raise maxmemory: a full Redis accepts no more jobs (the database keeps them).", "warn")


def _persistence(info: dict[str, Any]) -> Iterator[Finding]:
    aof = bool(info.get("aof_enabled"))
    advice = "Set appendonly yes: otherwise a restart loses the queues, and every due job must be pushed again from the database."
    yield judged(not aof, "Redis append-only file", "on" if aof else "off", advice)
    keys = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
    errors = [key for key in keys if info.get(key, "ok") != "ok" and (aof or key.startswith("rdb"))]
    found = f"errors: {', '.join(errors)}" if errors else "no errors"
    yield judged(bool(errors), "Redis persistence", found, "Check Redis' log and its disk: full, or not writable.")
