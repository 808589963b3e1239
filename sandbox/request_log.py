"""A bounded log of the requests received: the oracle for "exactly one"."""

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SECRETS = frozenset(
    {"number", "cvc", "card_number", "client_secret", "secret", "account_number", "routing_number"}
)
KEPT = 20_000


@dataclass
class LoggedRequest:
    """One request and its outcome (``status`` 0: the connection was cut)."""

    at: float
    provider: str
    method: str
    path: str
    account: str
    idempotency_key: str | None
    params: Any
    status: int = 0
    fault: str | None = None
    replayed: bool = False
    performed: bool = False


class RequestLog:
    """The last ``KEPT`` requests, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: deque[LoggedRequest] = deque(maxlen=KEPT)

    def note(self, entry: LoggedRequest) -> None:
        """Append an entry. The caller sets the outcome, and the parameters ``without_secrets``."""
        self.entries.append(entry)

    def select(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """List entries whose fields equal the wanted ones."""
        rows = (asdict(entry) for entry in list(self.entries))
        return [
            row
            for row in rows
            if all(str(row.get(name)) == value for name, value in wanted.items())
        ]


def without_secrets(value: Any, secrets: frozenset[str] = SECRETS) -> Any:
    """Copy parameters without their secret fields, at any depth."""
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if key not in secrets}
        return {key: without_secrets(item, secrets) for key, item in kept.items()}
    if isinstance(value, list):
        return [without_secrets(item, secrets) for item in value]
    return value
