"""Counts what work costs: statements and commits at the database, commands and round trips at
Redis.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import psycopg
from redis import connection

from models import transactions

WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "CREATE", "DROP", "ALTER"}
_FRAME = {"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA"}


@dataclass
class Cost:
    """What was sent, in order: every statement, including BEGIN and COMMIT; the round trips to
    Redis, and if counted, its commands.
    """

    sent: list[str] = field(default_factory=list)
    trips: int = 0
    commands: int = 0

    @property
    def statements(self) -> list[str]:
        """The statements, without those that only control transactions or settings."""
        return [text for text in self.sent if _verb(text) not in _FRAME]

    @property
    def commits(self) -> int:
        """How many times data was made durable: each COMMIT, and each write outside a
        transaction.
        """
        inside, counted = False, 0
        for word in map(_verb, self.sent):
            if word in {"BEGIN", "COMMIT", "END", "ROLLBACK"}:
                counted += word in {"COMMIT", "END"}
                inside = word == "BEGIN"
            elif word in WRITES and not inside:
                counted += 1
        return counted

    def clear(self) -> None:
        """Start again."""
        self.sent.clear()
        self.trips = 0


def _verb(statement: str) -> str:
    return statement.split(None, 1)[0].upper()


def commands_done(redis: Any) -> int:
    """Return how many commands this Redis has executed, including those in scripts."""
    stats = redis.info("commandstats")
    return sum(each["calls"] for name, each in stats.items() if name != "cmdstat_info")


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what this process sends from now on."""
    cost = Cost()
    ask = connection.AbstractConnection.send_packed_command

    def asked(self: Any, command: Any, check_health: bool = True) -> Any:
        cost.trips += 1
        return ask(self, command, check_health=check_health)

    with mock.patch.object(connection.AbstractConnection, "send_packed_command", asked):
        if transactions.is_postgres():
            execute = psycopg.Cursor.execute

            def told(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
                cost.sent.append(query if isinstance(query, str) else query.decode())
                return execute(self, query, *args, **kwargs)

            with mock.patch.object(psycopg.Cursor, "execute", told):
                yield cost
            return
        database = transactions.database.connection()
        # A trigger is traced as a comment, and then the statement that fired it is traced again.
        database.set_trace_callback(lambda text: _note(cost, text))
        try:
            yield cost
        finally:
            database.set_trace_callback(None)


def _note(cost: Cost, text: str) -> None:
    again = bool(cost.sent) and cost.sent[-1] == text
    if not text.startswith("--") and not again:
        cost.sent.append(text)
