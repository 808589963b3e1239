"""Events: what happened, newest first, and how many endpoints have still to accept it."""

from fnmatch import fnmatchcase

from sandbox.stripe.account import Account
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.lists import newest_first, page

MOST_TYPES = 20


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/events/{id}``."""
    return _counted(account, account.get("event", id))


def index(account: Account, params: Json) -> Json:
    """``GET /v1/events``: filtered by ``type`` (may hold ``*``) or ``types[]``, time
    and delivery.
    """
    types = _types(params)
    wanted = {name: value for name, value in params.items() if name == "created"}
    found = newest_first(account, "event", wanted)
    if types:
        found = [
            event
            for event in found
            if any(fnmatchcase(event["type"], pattern) for pattern in types)
        ]
    if "delivery_success" in params:
        found = [
            event
            for event in found
            if (_pending(account, event) == 0) == params["delivery_success"]
        ]
    cut = page("/v1/events", found, params)
    return {**cut, "data": [_counted(account, event) for event in cut["data"]]}


def _types(params: Json) -> list[str]:
    """Return the requested types; ``type`` and ``types`` exclude each other."""
    if "type" in params and "types" in params:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    types = [params["type"]] if "type" in params else params.get("types", [])
    if len(types) > MOST_TYPES:
        raise invalid("types may hold at most 20.", param="types")
    return list(types)


def _counted(account: Account, event: Json) -> Json:
    """Return the event with the number of endpoints that have not accepted it."""
    return {**event, "pending_webhooks": _pending(account, event)}


def _pending(account: Account, event: Json) -> int:
    """Count the endpoints that have not accepted an event."""
    return account.shared.outbox.pending_endpoints(event["id"])
