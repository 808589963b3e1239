"""How HTTP requests reach a stand-in, and the base of the stand-ins without idempotency keys: every
request is logged, then answered with or without a fault.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import falcon

from sandbox.faults import Fault
from sandbox.request_log import LoggedRequest
from sandbox.shared import Shared
from sandbox.stripe.exchange import Answer, Request, early_end
from sandbox.wire import cut

Refusals = Mapping[str, tuple[int, Any]]


class Sink:
    """A stand-in on a web server. ``prefix`` is removed from paths. Bodies are text, but multipart
    bodies, and all bodies if ``as_bytes`` is set, hold their bytes as Latin-1.
    """

    def __init__(
        self,
        serve: Callable[[Request], Answer],
        *,
        prefix: str = "",
        largest: int = 1 << 20,
        as_bytes: bool = False,
    ) -> None:
        """Serve a stand-in, reading at most ``largest`` bytes of a body."""
        self.serve = serve
        self.prefix = prefix
        self.largest = largest
        self.as_bytes = as_bytes

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Answer one request, or break its connection."""
        raw = req.bounded_stream.read(self.largest)
        if len(raw) < min(
            req.content_length or 0, self.largest
        ):  # its sender died while sending it
            cut(req.env, 0.0, reset=False)
            return
        is_bytes = self.as_bytes or (req.content_type or "").startswith("multipart/")
        body = raw.decode("latin-1") if is_bytes else raw.decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in req.headers.items()}
        path = req.path.removeprefix(self.prefix)
        answer = self.serve(Request(req.method, path, req.query_string, body, headers, req.prefix))
        if answer.ending:
            cut(req.env, answer.seconds, reset=answer.ending == "reset")
            return
        resp.status = answer.status
        resp.text = answer.body
        resp.content_type = answer.headers.pop("Content-Type")
        resp.set_headers(answer.headers)


class ProviderServer(ABC):
    """Answers a provider's requests; ``serve`` needs no HTTP. ``refusals`` gives the status and
    body for each kind of fault that strikes before anything is done.
    """

    refusals: ClassVar[Refusals]

    def __init__(self, shared: Shared) -> None:
        """Start empty, on the state that all stand-ins share."""
        self.shared = shared
        self.pause: Callable[[float], None] = time.sleep
        self.clear()

    @abstractmethod
    def clear(self) -> None:
        """Forget everything that was created."""

    @abstractmethod
    def _provider(self, request: Request) -> str:
        """Return the provider that a request is for, as faults and the log name it."""

    @abstractmethod
    def _performed(self, request: Request, entry: LoggedRequest) -> Answer:
        """Check and perform a request; errors become answers."""

    def _trouble(self, kind: str, seconds: float) -> Answer | None:
        """Return the answer of a fault that strikes first, or None for one that strikes later."""
        if kind.removesuffix("_stored") not in self.refusals:
            return early_end(kind, seconds)
        status, body = self.refusals[kind.removesuffix("_stored")]
        return Answer(status, json.dumps(body))

    def serve(self, request: Request) -> Answer:
        """Answer one request, whose body is decoded as ``Sink`` does. Every request is logged,
        whatever its outcome.
        """
        provider = self._provider(request)
        entry = LoggedRequest(
            self.shared.wall(), provider, request.method, request.path, "", None, None
        )
        with self.shared.lock:
            self.shared.requests.note(entry)
            self.shared.tick()
            fault = self.shared.faults.take(provider, request.method, request.path)
        entry.fault = fault.kind if fault else None
        answer = self._struck(request, entry, fault)
        entry.status = 0 if answer.ending else answer.status
        entry.performed = answer.performed
        answer.headers.setdefault("Content-Type", "application/json")
        return answer

    def _struck(self, request: Request, entry: LoggedRequest, fault: Fault | None) -> Answer:
        """Answer a request, applying the fault if there is one."""
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
