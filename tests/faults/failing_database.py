"""A database that fails once, in this process, at a statement or commit that the test chooses."""

from typing import Any

from peewee import Database, OperationalError


class FailingDatabase:
    """Raises once, at the `at`-th statement or commit from now on. A commit fails before it is
    sent, or after it is executed.
    """

    def __init__(self, database: Database) -> None:
        self.at, self.seen, self.where = 0, 0, ""
        self.jobs: int | None = None
        self.execute, self.commit = database.execute_sql, database.commit
        database.execute_sql = self._execute
        database.commit = self._commit
        self.database = database

    def order(self, at: int) -> None:
        """Fail at the `at`-th place from now on; 0 means never."""
        self.at, self.seen, self.where, self.jobs = at, 0, "", None

    def order_once_work_is_left(self) -> None:
        """Fail right after the first commit that adds a waiting job."""
        self.order(0)
        self.jobs = self._jobs()

    def _jobs(self) -> int:
        found = self.execute("SELECT count(*) FROM staged_job WHERE state = 'waiting'").fetchone()
        return int(found[0])

    def remove(self) -> None:
        """Never fail again."""
        del self.database.execute_sql, self.database.commit

    def _is_now(self, where: str) -> bool:
        self.seen += 1
        if self.seen != self.at:
            return False
        self.where = where
        return True

    def _execute(self, sql: str, params: Any = None) -> Any:
        if self._is_now(sql[:60]):
            raise OperationalError("injected: the statement failed")
        return self.execute(sql, params)

    def _commit(self) -> None:
        if self._is_now("COMMIT, not sent"):
            raise OperationalError("injected: the commit was not sent")
        self.commit()
        if self.jobs is not None and self._jobs() > self.jobs:
            self.jobs = None
            raise OperationalError("injected: the commit was not answered")
        if self._is_now("COMMIT, not answered"):
            raise OperationalError("injected: the commit was not answered")
