"""Speaking to the assistant of a call that is going on, at the address that the call names. It asks
for the organization's public key, as our assistants want it to.

https://docs.vapi.ai/calls/call-features
"""

from typing import Any

from sandbox.vapi import shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, failure, invalid, missing

LIVE = "live"
GOING_ON = "in-progress"


def with_address(call: Json, base: str) -> Json:
    """A call as it is shown, with where its assistant is spoken to while it goes on."""
    if call.get("status") != GOING_ON:
        return call
    return call | {"monitor": {"controlUrl": f"{base}/{LIVE}/{call['id']}/control"}}


def tell(books: Books, path: str, authorization: str, body: Any) -> Json:
    """``POST …/control``: only what is said to the model is taken here."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or key not in books.public_keys:
        raise failure(401, "Unauthorized", "Invalid Key.")
    call_id = path.strip("/").split("/")[1]
    if books.tables["call"].get(call_id, {}).get("status") != GOING_ON:
        raise missing("call", call_id)
    if not isinstance(body, dict) or body.get("type") != "add-message":
        raise invalid("type must be one of the following values: add-message")
    shapes.check("ClientInboundMessageAddMessage", body)
    books.told.append({"call": call_id, **body})
    return {}
