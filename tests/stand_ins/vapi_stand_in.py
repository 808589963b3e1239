"""Vapi's stand-in as a fixture: what it stores and would bill, and which requests it received."""

from typing import Any

from tests.stand_ins.stand_in import StandIn

FILES, ONE_FILE, CHATS = "/file", "/file/*", "/chat"


class VapiStandIn:
    """Vapi as a test sees it from outside."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.shared = stand_in.sandbox.shared
        self.vapi = stand_in.sandbox.vapi

    def kept(self, kind: str = "file") -> list[dict[str, Any]]:
        """Every object of a kind, oldest first."""
        with self.shared.lock:
            self.shared.tick()
            return [dict(row) for row in self.vapi.books.each(kind)]

    def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        """Every request to a path, whatever its outcome."""
        return self.shared.requests.select({"provider": "vapi", "method": method, "path": path})

    def fault(self, kind: str, path: str, method: str = "POST", **more: Any) -> None:
        self.stand_in.sandbox.inject_fault(
            kind=kind, provider="vapi", path=path, method=method, **more
        )

    def habits(self, **changes: Any) -> None:
        with self.shared.lock:
            self.vapi.books.habits.update(changes)

    def forget(self, kind: str, id: str) -> None:
        """Delete an object, as in the dashboard."""
        with self.shared.lock:
            self.vapi.books.drop(kind, id)

    @property
    def billed(self) -> float:
        """What Vapi would charge the platform so far, in US dollars."""
        return float(self.vapi.books.billed()["usd"])
