"""The state of these stand-ins saved across restarts."""

from dataclasses import asdict
from typing import Any

from sandbox.integrations.authorization import Habits
from sandbox.integrations.provider import Integrations

SERVERS = ("google", "oauth")
KEPT = ("clients", "codes", "grants", "access", "refresh", "burnt", "ended")
PRACTICE = ("calendar", "unreadable", "busy", "slots", "starts", "tokens", "lasts")
SETS = ("key_pairs", "api_keys")


def saved(integrations: Integrations) -> dict[str, Any]:
    """Return everything to save, as JSON values."""
    practice = integrations.practice
    servers = {}
    for name in SERVERS:
        server = getattr(integrations, name)
        servers[name] = {key: getattr(server, key) for key in KEPT}
        servers[name]["habits"] = asdict(server.habits)
    own = {name: getattr(practice, name) for name in PRACTICE}
    return servers | {"practice": own | {name: sorted(getattr(practice, name)) for name in SETS}}


def restore(integrations: Integrations, state: dict[str, Any]) -> None:
    """Restore saved state; callers hold the lock."""
    for name in SERVERS:
        server = getattr(integrations, name)
        for key in KEPT:
            setattr(server, key, state[name][key])
        server.habits = Habits(**state[name]["habits"])
    for name in PRACTICE:
        setattr(integrations.practice, name, state["practice"][name])
    for name in SETS:
        setattr(integrations.practice, name, set(state["practice"][name]))
