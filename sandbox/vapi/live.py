"""Speaking to the assistant of a call that is going on, or ending it, at the address that it names.
It asks for the organization's public key, as our assistants want it to.

https://docs.vapi.ai/calls/call-features
"""

from typing import Any

from sandbox.vapi import calls, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, failure, invalid, missing

LIVE = "live"
GOING_ON = "in-progress"
ENDED = "manually-canceled"  # Vapi does not say by which word such a call has ended
_SHAPES = {
    "add-message": "ClientInboundMessageAddMessage",
    "end-call": "ClientInboundMessageEndCall",
}


def with_address(call: Json, base: str) -> Json:
    """A call as it is shown, with where its assistant is spoken to while it goes on."""
    if call.get("status") != GOING_ON:
        return call
    return call | {"monitor": {"controlUrl": f"{base}/{LIVE}/{call['id']}/control"}}


def tell(books: Books, path: str, authorization: str, body: Any) -> Json:
    """``POST …/control``: what is said to the model, and that the call shall end."""
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
