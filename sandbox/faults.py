"""Faults on demand: which requests fail, how, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

KINDS = {
    "timeout_before": "hang without doing anything, then close",
    "timeout_after": "do it, then hang, then close",
    "error_500": "answer 500 before the effect, forget the idempotency key",
    "error_500_stored": "answer 500 before the effect, replay it for the key",
    "error_500_after": "do it, answer 500, replay that for the key",
    "bad_gateway": "answer 502 with a page of HTML, before the effect",
    "refuse": "reset the connection before the effect",
    "refuse_after": "do it, then reset the connection",
    "rate_limit_429": "answer 429 before the effect",
    "conflict_409": "answer 409 lock_timeout before the effect",
    "forbidden_403": (
        "answer 403 before the effect, as for an account that is not connected any more"
    ),
    "refused_400": "answer 400 before the effect, as for an object in the wrong state",
    "slow": "wait, then do it and answer",
}


@dataclass
class Fault:
    """One ordered fault. ``method`` and ``path`` may hold ``*``; ``skip`` lets that many matching
    requests pass first.
    """

    id: str
    kind: str
    provider: str = "stripe"
    method: str = "*"
    path: str = "*"
    times: int = 1
    skip: int = 0
    seconds: float = 30.0
    hits: int = 0

    def fits(self, provider: str, method: str, path: str) -> bool:
        """Whether this fault is left for a request with this method and path."""
        return (
            self.times > 0
            and provider == self.provider
            and fnmatchcase(method, self.method.upper())
            and fnmatchcase(path, self.path)
        )


def read_fault(id: str, body: Mapping[str, Any]) -> Fault:
    """Build a fault from the control API's body; raises ``ValueError`` for an unknown field or
    kind.
    """
    unknown = set(body) - set(Fault.__dataclass_fields__) | ({"id", "hits"} & set(body))
    if unknown:
        raise ValueError(f"unknown fault fields: {', '.join(sorted(unknown))}")
    if body.get("kind") not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    return Fault(id=id, **body)


class Faults:
    """The faults in force, in the order in which they were ordered."""

    def __init__(self) -> None:
        """Start with none."""
        self.active: list[Fault] = []

    def take(self, provider: str, method: str, path: str) -> Fault | None:
        """Use up one occurrence of the first fault that matches a request."""
        for fault in self.active:
            if fault.fits(provider, method, path):
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                fault.hits += 1
                return fault
        return None

    def clear(self, id: str | None = None) -> None:
        """Withdraw one fault, or all."""
        self.active = [fault for fault in self.active if id not in (None, fault.id)]
