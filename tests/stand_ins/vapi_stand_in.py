"""Vapi's stand-in as a fixture: what it keeps and would bill, as the oracle of whatever uploads,
talks and deploys.
"""

from typing import Any

from tests.stand_ins.stand_in import StandIn

FILES, ONE_FILE, CHATS = "/file", "/file/*", "/chat"


class VapiStandIn:
    """Vapi as a test sees it from outside."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.ground = stand_in.sandbox.ground
        self.vapi = stand_in.sandbox.vapi

    def kept(self, kind: str = "file") -> list[dict[str, Any]]:
        """Everything there is of a kind, oldest first."""
        with self.ground.lock:
            self.ground.tick()
            return [dict(row) for row in self.vapi.books.each(kind)]

    def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        """Every request of a kind, whatever became of it."""
        return self.ground.requests.select({"provider": "vapi", "method": method, "path": path})

    def fault(self, kind: str, path: str, method: str = "POST", **more: Any) -> None:
        self.stand_in.sandbox.order_fault(
            kind=kind, provider="vapi", path=path, method=method, **more
        )

    def habits(self, **changes: Any) -> None:
        with self.ground.lock:
            self.vapi.books.habits.update(changes)

    def forget(self, kind: str, id: str) -> None:
        """Somebody takes it away in the dashboard."""
        with self.ground.lock:
            self.vapi.books.drop(kind, id)

    @property
    def billed(self) -> float:
        """What Vapi would charge the platform so far, in US dollars."""
        return float(self.vapi.books.billed()["usd"])
