"""What the stand-ins without idempotency keys have in common: each request is logged, and answered
with or without a fault's doing.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from sandbox.faults import Fault
from sandbox.ground import Ground
from sandbox.request_log import LoggedRequest
from sandbox.stripe.exchange import Answer, Request


class FrontDoor(ABC):
    """A stand-in's answers; ``serve`` needs no HTTP."""

    def __init__(self, ground: Ground) -> None:
        """Open the books on a ground."""
        self.ground = ground
        self.pause: Callable[[float], None] = time.sleep
        self.clear()

    @abstractmethod
    def clear(self) -> None:
        """Forget all that was made."""

    @abstractmethod
    def _provider(self, request: Request) -> str:
        """Whose request it is, as faults and the log name it."""

    @abstractmethod
    def _performed(self, request: Request, entry: LoggedRequest) -> Answer:
        """Check and do what is asked; errors become answers."""

    @abstractmethod
    def _trouble(self, kind: str, seconds: float) -> Answer | None:
        """The answer of a fault that strikes before anything is done; None if it strikes later."""

    def serve(self, request: Request) -> Answer:
        """Answer one request, whose body is its bytes as Latin-1; every one is logged, whatever
        becomes of it.
        """
        provider = self._provider(request)
        entry = LoggedRequest(
            self.ground.wall(), provider, request.method, request.path, "", None, None
        )
        with self.ground.lock:
            self.ground.requests.note(entry)
            self.ground.tick()
            fault = self.ground.faults.take(provider, request.method, request.path)
        entry.fault = fault.kind if fault else None
        answer = self._struck(request, entry, fault)
        entry.status = 0 if answer.ending else answer.status
        entry.performed = answer.performed
        answer.headers.setdefault("Content-Type", "application/json")
        return answer

    def _struck(self, request: Request, entry: LoggedRequest, fault: Fault | None) -> Answer:
        """Answer with or without the fault's doing."""
        if fault is None:
            return self._performed(request, entry)
        early = self._trouble(fault.kind, fault.seconds)
        if early:
            return early
        if fault.kind == "slow":
            self.pause(fault.seconds)
        answer = self._performed(request, entry)
        if fault.kind == "timeout_after":
            answer.ending, answer.seconds = "hang", fault.seconds
        elif fault.kind == "refuse_after":
            answer.ending = "reset"
        elif fault.kind == "error_500_after" and answer.performed:
            failed = self._trouble("error_500", 0.0)
            answer.status, answer.body = (failed.status, failed.body) if failed else (500, "")
        return answer
