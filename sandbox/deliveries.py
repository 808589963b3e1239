"""Webhooks on their way: what is to be sent where, what chaos did to it, and how it went."""

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
    any_answer_ends: bool = False  # tried again only if nothing answered
    fallback: str = ""  # where it goes once it has failed
    tries: list[float] = field(default_factory=list)
    # the body of the last answer, of what is asked rather than told: tools that Vapi calls
    answer: str = ""

    def at_fallback(self, id: str, now: float) -> "Delivery":
        """The same form for the fallback address, with what Twilio adds about the failure."""
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
        """Show it without its secret and bodies."""
        hidden = ("secret", "body", "tries", "answer")
        return {name: value for name, value in vars(self).items() if name not in hidden}
