"""Webhook deliveries: what to send where, what chaos did to it, and the outcome."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

OPEN = ("waiting", "held", "sending")
NO_CONNECTION, BAD_ANSWER = "11205", "11200"  # twilio.com/docs/api/errors


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
    any_answer_ends: bool = False  # retry only if nothing answered
    fallback: str = ""  # the URL to try once this one has failed
    tries: list[float] = field(default_factory=list)
    # the body of the last answer, kept for Vapi's tool calls, which expect a result
    answer: str = ""

    def at_fallback(self, id: str, now: float) -> "Delivery":
        """Return a copy for the fallback URL, with the failure as Twilio reports it there."""
        code = NO_CONNECTION if self.last_status is None else BAD_ANSWER
        failure = urlencode({"ErrorCode": code, "ErrorUrl": self.url})
        return replace(
            self,
            id=id,
            endpoint_id=self.fallback,
            url=self.fallback,
            fallback="",
            body=f"{self.body}&{failure}",
            state="waiting",
            attempts=0,
            due_at=now,
            tries=[],
        )

    def seen(self) -> dict[str, Any]:
        """Return the fields to show, without the secret and the bodies."""
        hidden = ("secret", "body", "tries", "answer")
        return {name: value for name, value in vars(self).items() if name not in hidden}
