"""The table of operations, by method and path."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.vapi import (
    assistants,
    calls,
    chat,
    credentials,
    files,
    lists,
    phone_numbers,
    squads,
    tools,
)
from sandbox.vapi.books import KINDS, Books
from sandbox.vapi.errors import Json, invalid, missing
from sandbox.vapi.twilio_link import TwilioLink


@dataclass(frozen=True)
class Call:
    """One request as an operation sees it."""

    books: Books
    line: TwilioLink
    id: str = ""
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes = b""
    content_type: str = ""


@dataclass(frozen=True)
class Operation:
    """The function that performs a request, and the status of success."""

    perform: Callable[[Call], Any]
    status: int = 200


def _retrieve(kind: str) -> Operation:
    return Operation(lambda call: call.books.find(kind, call.id))


def _index(kind: str) -> Operation:
    return Operation(lambda call: lists.index(call.books, kind, call.query))


def _delete(kind: str, check_is_free: Callable[[Books, str], None]) -> Operation:
    def perform(call: Call) -> Json:
        call.books.find(kind, call.id)
        check_is_free(call.books, call.id)
        return call.books.drop(kind, call.id)

    return Operation(perform)


def _is_always_free(books: Books, id: str) -> None:
    """Allow every deletion: no object refers to this kind."""


# by method, kind, and whether the path names one object
OPERATIONS: dict[tuple[str, str, bool], Operation] = {
    ("POST", "file", False): Operation(
        lambda call: files.create(call.books, call.content_type, call.raw), 201
    ),
    ("GET", "file", False): Operation(lambda call: files.index(call.books, call.query)),
    ("GET", "file", True): _retrieve("file"),
    ("DELETE", "file", True): _delete("file", files.check_is_free),
    ("POST", "tool", False): Operation(lambda call: tools.create(call.books, call.body), 201),
    ("GET", "tool", False): _index("tool"),
    ("GET", "tool", True): _retrieve("tool"),
    ("PATCH", "tool", True): Operation(lambda call: tools.update(call.books, call.id, call.body)),
    ("DELETE", "tool", True): _delete("tool", tools.check_is_free),
    ("POST", "assistant", False): Operation(
        lambda call: assistants.create(call.books, call.body), 201
    ),
    ("GET", "assistant", False): _index("assistant"),
    ("GET", "assistant", True): _retrieve("assistant"),
    ("PATCH", "assistant", True): Operation(
        lambda call: assistants.update(call.books, call.id, call.body)
    ),
    ("DELETE", "assistant", True): _delete("assistant", assistants.check_is_free),
    ("POST", "squad", False): Operation(lambda call: squads.create(call.books, call.body), 201),
    ("GET", "squad", False): _index("squad"),
    ("GET", "squad", True): _retrieve("squad"),
    ("PATCH", "squad", True): Operation(lambda call: squads.update(call.books, call.id, call.body)),
    ("DELETE", "squad", True): _delete("squad", squads.check_is_free),
    ("POST", "phone-number", False): Operation(
        lambda call: phone_numbers.create(call.books, call.line, call.body), 201
    ),
    ("GET", "phone-number", False): _index("phone-number"),
    ("GET", "phone-number", True): _retrieve("phone-number"),
    ("PATCH", "phone-number", True): Operation(
        lambda call: phone_numbers.update(call.books, call.line, call.id, call.body)
    ),
    ("DELETE", "phone-number", True): _delete("phone-number", _is_always_free),
    ("POST", "credential", False): Operation(
        lambda call: credentials.create(call.books, call.body), 201
    ),
    ("GET", "credential", False): _index("credential"),
    ("GET", "credential", True): _retrieve("credential"),
    ("PATCH", "credential", True): Operation(
        lambda call: credentials.update(call.books, call.id, call.body)
    ),
    ("DELETE", "credential", True): _delete("credential", credentials.check_is_free),
    ("POST", "chat", False): Operation(lambda call: chat.create(call.books, call.body), 201),
    ("GET", "chat", True): _retrieve("chat"),
    ("POST", "call", False): Operation(lambda call: calls.create(call.books, call.body), 201),
    ("GET", "call", False): _index("call"),
    ("GET", "call", True): Operation(lambda call: calls.retrieve(call.books, call.id)),
}


def operation_at(method: str, path: str) -> tuple[Operation, str]:
    """Return the operation at a path, and the id in it; raises the 404 of an unknown path."""
    parts = path.strip("/").split("/")
    kind, object_id = parts[0], "/".join(parts[1:])
    found = OPERATIONS.get((method, kind, bool(object_id))) if kind in KINDS else None
    if found is None:
        raise missing("route", f"{method} {path}")
    return found, object_id


def check_query(method: str, query: dict[str, str]) -> None:
    """Refuse a query, except with GET."""
    if query and method != "GET":
        raise invalid(*(f"property {name} should not exist" for name in query))
