"""Connections to Redis, each with a timeout its user can afford."""

from redis import DriverInfo, Redis
from redis.backoff import NoBackoff
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from runtime.redis import embedded

NUDGE_TIMEOUT = 0.25  # seconds a request may lose to a Redis that hangs
WORKER_TIMEOUT = 10.0  # longer than a worker's blocking pop

# how a client names itself to Redis; finding out its version takes a process 2 MiB, so once
_DRIVER = DriverInfo()


def connect_redis(url: str | None, timeout: float = WORKER_TIMEOUT) -> "Redis":
    """A client for `redis://`, `rediss://`, `unix://` or `redis+sentinel://host:port,…/service/db`;
    without a URL, for the embedded server.

    The client never retries by itself: only the calling code can judge a lost answer.
    """
    url = url or embedded.socket_url()
    patience = {
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, 2.0),
        "retry": Retry(NoBackoff(), 0),
        "driver_info": _DRIVER,
    }
    if url.startswith("redis+sentinel://"):
        hosts, service, db = (url.removeprefix("redis+sentinel://") + "//").split("/")[:3]
        sentinels = [(host, int(port)) for host, port in (h.split(":") for h in hosts.split(","))]
        found = Sentinel(sentinels, **patience)
        master: Redis = found.master_for(service, db=int(db or 0), **patience)
        return master
    return Redis.from_url(url, **patience)


def refuses_writes(error: RedisError) -> bool:
    """Whether Redis is reachable but refuses writes: it is full, read-only (as after a failover),
    short of replicas, or unable to write to its disk.
    """
    return (
        is_of_replica(error)
        or isinstance(error, OutOfMemoryError)
        or str(error).startswith(("MISCONF", "NOREPLICAS"))
    )


def is_of_replica(error: RedisError) -> bool:
    """Whether the server is a replica: it refuses writes, or, without its primary, everything."""
    return isinstance(error, ReadOnlyError | MasterDownError)


def disconnect_if_replica(redis: "Redis", error: RedisError) -> None:
    """Drop the connections to a server that has become a replica: after a failover its name may
    lead to another server. Those that other threads use stay, because closing one under its user
    raises no RedisError there; each is dropped once its server has refused something on it.
    """
    if is_of_replica(error):
        redis.connection_pool.disconnect(inuse_connections=False)
