"""`/healthz`: the process answers. `/readyz`: it can do its work, or says what is degraded."""

from collections.abc import Callable

import falcon
from peewee import PeeweeException
from redis import Redis
from redis.exceptions import RedisError

from delivery.heartbeats import read_heartbeats
from models.database_errors import STANDBY, explain
from models.migrate import pending
from models.transactions import database_time, execute, takes_writes
from runtime.errors import Misconfigured
from runtime.redis.connection import NUDGE_TIMEOUT, connect_redis
from runtime.secret_box import NEEDS_KEY
from runtime.settings import INTERACTIVE, get_settings


def missing_settings() -> list[str]:
    """Settings that production needs and that are missing, though web starts without them."""
    settings = get_settings()
    if settings.secret_keys or settings.payphone_env != "production":
        return []
    return [f"settings: PAYPHONE_SECRET_KEY is not set: {NEEDS_KEY}"]


class Health:
    """The process is running."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Always 200."""
        resp.media = {"status": "ok"}


class Ready:
    """503 only without the database. 200 with `degraded` and the reasons if the database refuses
    writes, or a migration, Redis, workers or the scheduler are missing.
    """

    def __init__(self, connect: Callable[[], Redis] | None = None) -> None:
        self._connect = connect or (
            lambda: connect_redis(get_settings().redis_url, timeout=NUDGE_TIMEOUT)
        )
        self._redis: Redis | None = None

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Check the database, then Redis and the processes that report to it."""
        try:
            execute("SELECT 1 FROM account LIMIT 1").fetchall()
            missing = pending()
            refused = [] if takes_writes() else [f"database: {STANDBY}"]
        except PeeweeException as error:
            resp.status = falcon.HTTP_503
            resp.media = {"status": "unavailable", "reasons": [f"database: {explain(error)}"]}
            return
        lacking = [f"database: lacks {', '.join(missing)}"] if missing else []
        reasons = [*refused, *lacking, *missing_settings(), *self.reasons()]
        resp.media = {"status": "degraded" if reasons else "ok", "reasons": reasons}

    def reasons(self) -> list[str]:
        """What is degraded, each in a few words; empty if all is well."""
        try:
            self._redis = self._redis or self._connect()
            signs = read_heartbeats(self._redis, database_time())
        except (RedisError, Misconfigured) as error:
            return [f"redis: {type(error).__name__}"]
        unseen = [
            who
            for who, seen in (("relay", signs.relay), ("scheduler", signs.scheduler))
            if seen is None
        ]
        refused = [f"redis: refuses writes ({signs.refusal})"] if signs.refusal else []
        idle = [
            f"workers: nobody serves {queue}"
            + (f": {signs.detour}" if queue == INTERACTIVE and signs.detour else "")
            for queue, count in signs.workers.items()
            if not count
        ]
        frozen = [f"supervisor: frozen ({signs.frozen})"] if signs.frozen else []
        return refused + [f"{who}: not seen for a minute" for who in unseen] + frozen + idle
