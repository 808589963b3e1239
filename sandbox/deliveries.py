"""Webhooks on their way: what is to be sent where, what chaos did to it, and how it went."""

from dataclasses import dataclass, field
from typing import Any

OPEN = ("waiting", "held", "sending")


@dataclass
class Delivery:
    """One copy of one event for one endpoint; ``state`` is waiting, held, sending, delivered,
    dropped or failed.
    """

    id: str
    provider: str
    event_id: str
    event_type: str
    endpoint_id: str
    url: str
    secret: str
    body: str
    due_at: float
    state: str = "waiting"
    attempts: int = 0
    last_status: int | None = None
    last_error: str | None = None
    duplicate: bool = False
    most_attempts: int | None = None
    tries: list[float] = field(default_factory=list)
    # the body of the last answer, of what is asked rather than told: tools that Vapi calls
    answer: str = ""

    def seen(self) -> dict[str, Any]:
        """Show it without its secret and bodies."""
        hidden = ("secret", "body", "tries", "answer")
        return {name: value for name, value in vars(self).items() if name not in hidden}
