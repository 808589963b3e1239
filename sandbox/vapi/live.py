"""Live call control: sends a message to the assistant of a call in progress, or ends the call, at
the call's `controlUrl`. It requires the organization's public key, as our assistants configure it.

https://docs.vapi.ai/calls/call-features
"""

from typing import Any

from sandbox.vapi import calls, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, failure, invalid, missing

LIVE = "live"
GOING_ON = "in-progress"
ENDED = "manually-canceled"  # Vapi does not document the endedReason of such a call
_SHAPES = {
    "add-message": "ClientInboundMessageAddMessage",
    "end-call": "ClientInboundMessageEndCall",
}


def with_address(call: Json, base: str) -> Json:
    """Return a call with its `controlUrl`, while it is in progress."""
    if call.get("status") != GOING_ON:
        return call
    return call | {"monitor": {"controlUrl": f"{base}/{LIVE}/{call['id']}/control"}}


def tell(books: Books, path: str, authorization: str, body: Any) -> Json:
    """``POST …/control``: sends a message to the model, or ends the call."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or key not in books.public_keys:
        raise failure(401, "Unauthorized", "Invalid Key.")
    call_id = path.strip("/").split("/")[1]
    if books.tables["call"].get(call_id, {}).get("status") != GOING_ON:
        raise missing("call", call_id)
    kind = body.get("type") if isinstance(body, dict) else None
    if kind not in _SHAPES:
        raise invalid(f"type must be one of the following values: {', '.join(_SHAPES)}")
    shapes.check(_SHAPES[kind], body)
    if kind == "end-call":
        calls.hang_up(books, call_id, ENDED)
    books.told.append({"call": call_id, **body})
    return {}
