"""Redis: reachable, evicting nothing, writing what it is told to disk."""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from bin.commands.checks.clocks import compare
from bin.commands.checks.finding import Finding, judged

NEARLY_FULL = 0.8


def check_redis(redis: Redis) -> Iterator[Finding]:
    """What the server says of itself; INFO is allowed where CONFIG is not. Raises RedisError."""
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
    advice = "Set maxmemory-policy noeviction: with any other, a full Redis silently throws jobs away."
    yield judged(policy != "noeviction", "Redis eviction", f"maxmemory-policy {policy}", advice)
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit:
        found = f"{used / limit:.0%} of {limit / 2**20:.0f} MiB used"
        yield judged(used > NEARLY_FULL * limit, "Redis memory", found, "Raise maxmemory: a full Redis takes no more jobs (the database keeps them).", "warn")


def _persistence(info: dict[str, Any]) -> Iterator[Finding]:
    aof = bool(info.get("aof_enabled"))
    advice = "Set appendonly yes: else a restart forgets queues, and all that is due has to be carried again from the database."
    yield judged(not aof, "Redis append-only file", "on" if aof else "off", advice)
    keys = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
    errors = [key for key in keys if info.get(key, "ok") != "ok" and (aof or key.startswith("rdb"))]
    found = f"errors: {', '.join(errors)}" if errors else "no errors"
    yield judged(bool(errors), "Redis persistence", found, "Look into Redis' log and at its disk: full, or not writable.")
