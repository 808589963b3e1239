"""Settings for tests: the chaos of webhooks, and behaviour in which Stripe itself varies."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

LINK_LIMITS = ("enforced", "race")
REFUND_STATUSES = ("succeeded", "pending", "requires_action")


@dataclass
class Settings:
    """Current settings; rates are 0..1, durations are in seconds.

    ``link_limit``: ``enforced`` refuses, at completion, a payment beyond a link's session limit;
    ``race`` lets sessions opened before the limit complete (two tabs). ``settle_after``: how long
    until pending objects settle by themselves; ``None`` waits for the control API.
    """

    seed: int = 0
    duplicate_rate: float = 0.0
    drop_rate: float = 0.0
    delay_min: float = 0.0
    delay_max: float = 0.0
    shuffle_window: float = 0.0
    hold: bool = False
    retry_attempts: int = 30
    retry_base: float = 0.25
    retry_cap: float = 5.0
    timeout: float = 10.0
    link_limit: str = "enforced"
    refund_status: str = "succeeded"
    settle_after: float | None = None

    def update(self, changes: Mapping[str, Any]) -> None:
        """Apply known settings; raises ``ValueError`` naming an unknown or ill-typed one."""
        known = {field.name: type(field.default) for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; known: {', '.join(known)}")
            setattr(self, name, _fitting(name, value, known[name]))


def _fitting(name: str, value: Any, kind: type) -> Any:
    """Return the value in the setting's type, or raise ``ValueError``."""
    allowed = {"link_limit": LINK_LIMITS, "refund_status": REFUND_STATUSES}.get(name)
    if allowed and value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}")
    if name == "settle_after":
        return None if value is None else float(value)
    if kind is bool and not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    try:
        return kind(value)
    except TypeError as error:
        raise ValueError(f"{name} must be a {kind.__name__}") from error
