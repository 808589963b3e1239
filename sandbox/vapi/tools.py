"""Tools: one that searches files, one that calls a server. An assistant keeps its tools from being
deleted.
"""

from typing import Any

from sandbox.vapi import shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, invalid, pinned

SHAPES = {"query": "QueryToolDTO", "function": "FunctionToolDTO"}


def create(books: Books, body: Any) -> Json:
    """``POST /tool``."""
    kind = body.get("type") if isinstance(body, dict) else None
    _check(books, f"Create{_shape(kind)}", body)
    return books.keep("tool", {**body, "latestVersion": "v1"})


def update(books: Books, id: str, body: Any) -> Json:
    """``PATCH /tool/{id}``."""
    tool = books.find("tool", id)
    _check(books, f"Update{_shape(tool['type'])}", body)
    version = int(tool["latestVersion"][1:]) + 1
    return books.change("tool", id, {**body, "latestVersion": f"v{version}"})


def check_is_free(books: Books, id: str) -> None:
    """Refuse to delete a tool of an assistant, in its draft or its latest version."""
    for assistant in books.each("assistant"):
        kept = [assistant, *(each["body"] for each in books.versions[assistant["id"]][-1:])]
        if any(id in ids_in(each) for each in kept):
            raise pinned("tool", f"assistant {assistant['id']}")


def ids_in(assistant: Json) -> list[str]:
    """Return the ids of an assistant's tools."""
    model = assistant.get("model") or {}
    return [*(model.get("toolIds") or []), *(ref["toolId"] for ref in model.get("toolRefs") or [])]


def _shape(kind: Any) -> str:
    if kind not in SHAPES:
        raise invalid(f"type must be one of the following values: {', '.join(SHAPES)}")
    return SHAPES[kind]


def _check(books: Books, shape: str, body: Any) -> None:
    """Check the body's shape, and that its files exist."""
    shapes.check(shape, body)
    for base in body.get("knowledgeBases") or []:
        gone = [file for file in base["fileIds"] if file not in books.tables["file"]]
        if gone:
            raise invalid(f"knowledgeBases: files not found: {', '.join(gone)}")
