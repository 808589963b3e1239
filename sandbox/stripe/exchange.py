"""A request to the stand-in and its answer, independent of any web server."""

import hashlib
import json
from dataclasses import dataclass, field

from sandbox.stripe.errors import Json

HTML = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


@dataclass(frozen=True)
class Request:
    """A request; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    base_url: str = ""

    @property
    def form(self) -> str:
        """The encoded parameters: the body of a POST, otherwise the query."""
        return self.body if self.method == "POST" else self.query

    @property
    def key(self) -> str | None:
        """The idempotency key; only a POST has one."""
        return (self.headers.get("idempotency-key") or None) if self.method == "POST" else None

    @property
    def fingerprint(self) -> str:
        """A hash of what must not change under one idempotency key."""
        return hashlib.sha256(f"{self.method} {self.path}\n{self.form}".encode()).hexdigest()


@dataclass
class Answer:
    """An answer. ``ending``: ``hang`` waits ``seconds`` and closes, ``reset`` closes at once; both
    send nothing.
    """

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    ending: str = ""
    seconds: float = 0.0
    performed: bool = False
    kept: bool = True

    def json(self) -> Json:
        """Decode the body."""
        read: Json = json.loads(self.body)
        return read


def failure(status: int, type: str, message: str, **extra: str) -> Answer:
    """Build an error answer that does not come from an operation."""
    return Answer(
        status, json.dumps({"error": {"type": type, "message": message, **extra}}), kept=False
    )


def server_error() -> Answer:
    """Build Stripe's 500, which idempotency keys replay."""
    answer = failure(500, "api_error", "An unknown error occurred.")
    answer.kept = True
    return answer


def early_end(kind: str, seconds: float) -> Answer | None:
    """Return what any provider's client gets if a fault strikes before anything is done, or None
    for other faults.
    """
    ends = {
        "timeout_before": Answer(0, "", ending="hang", seconds=seconds),
        "refuse": Answer(0, "", ending="reset"),
        "bad_gateway": Answer(502, HTML, {"Content-Type": "text/html"}),
    }
    return ends.get(kind)


def trouble(kind: str, seconds: float) -> Answer | None:
    """Return the answer of a fault that strikes before anything is done, or None if it strikes
    later.
    """
    answers = {
        "error_500": server_error(),
        "rate_limit_429": failure(
            429, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit"
        ),
        "conflict_409": failure(
            409,
            "invalid_request_error",
            "This object cannot be accessed right now.",
            code="lock_timeout",
        ),
        "forbidden_403": failure(
            403,
            "invalid_request_error",
            "The provided key does not have access to this account.",
            code="account_invalid",
        ),
        "refused_400": failure(
            400, "invalid_request_error", "This object is in use just now.", code="resource_in_use"
        ),
    }
    return answers.get(kind) or early_end(kind, seconds)
