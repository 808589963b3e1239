"""Keys of ours in Redis with content that we never wrote: by a person, another program, or a second
installation that shares the database. The rows decide, so such keys are deleted and logged.
"""

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from runtime.log import get_log

ENDLESS = -1  # Redis's answer for a key that never expires
# The type of each key that RQ, rq-scheduler or we write, by prefix; the first match counts.
_TYPES = (
    ("rq:queues", "set"),
    ("rq:workers", "set"),
    ("rq:worker:", "hash"),
    ("rq:queue:", "list"),
    ("rq:wip:", "zset"),
    ("rq:finished:", "zset"),
    ("rq:failed:", "zset"),
    ("rq:job:", "hash"),
    ("rq:executions:", "zset"),
    ("rq:execution:", "hash"),
    ("rq:results:", "stream"),
    ("rq:scheduler:scheduled_jobs", "zset"),
    ("rq:scheduler:", "hash"),
    ("rq:scheduler_lock", "string"),
    ("payphone:", "string"),
)
_EXECUTIONS = ":executions"  # suffix of a worker's key: the set beside its hash

log = get_log("redis")


def is_wrong_type(error: RedisError) -> bool:
    """Whether Redis complains that a key holds a value of another type."""
    return isinstance(error, ResponseError) and "WRONGTYPE" in str(error)


def drop_wrong_types(redis: Redis) -> int:
    """Delete every key whose type is not the one we write, and return how many.

    Redis does not name the offending key, so all are checked.
    """
    names = [name for match in ("rq:*", "payphone:*") for name in redis.scan_iter(match, 500)]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.type(name)
        kinds = [kind.decode() for kind in pipe.execute()]
    odd = [
        name
        for name, kind in zip(names, kinds, strict=True)
        if kind not in {_type_of(name), "none"} and _type_of(name)
    ]
    for name in odd:
        log.error("deleted a key with a value of another type", key=name.decode("utf-8", "replace"))
        redis.delete(name)
    return len(odd)


def _type_of(key: bytes) -> str:
    name = key.decode("utf-8", "replace")
    if name.startswith("rq:worker:") and name.endswith(_EXECUTIONS):
        return "set"
    return next((kind for start, kind in _TYPES if name.startswith(start)), "")


def drop_if_endless(redis: Redis, key: str) -> bool:
    """Delete a lock if it has no expiry, which ours always have; return whether it had none."""
    if redis.pttl(key) != ENDLESS:
        return False
    log.error("deleted a lock without an expiry", key=key)
    redis.delete(key)
    return True
