"""Assistants and their versions. Calls use the published version, not a draft."""

import copy
from collections.abc import Iterator
from typing import Any

from sandbox.vapi import shapes, tools
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, invalid, pinned


def create(books: Books, body: Any) -> Json:
    """``POST /assistant``: published at once, as ``v1``."""
    _check(books, "CreateAssistantDTO", body)
    made = books.keep("assistant", dict(body))
    return publish(books, made["id"])


def update(books: Books, id: str, body: Any) -> Json:
    """``PATCH /assistant/{id}``: each member is replaced as a whole, `model` including
    its tools.
    """
    books.find("assistant", id)
    _check(books, "UpdateAssistantDTO", body)
    changed = books.change("assistant", id, body)
    return publish(books, id) if books.habits.patch_publishes else changed


def publish(books: Books, id: str) -> Json:
    """Publish the assistant's present state as its next version."""
    assistant = books.find("assistant", id)
    history = books.versions.setdefault(id, [])
    assistant["latestVersion"] = f"v{len(history) + 1}"
    history.append({"version": assistant["latestVersion"], "body": copy.deepcopy(assistant)})
    return assistant


def published(books: Books, id: str, version: str | None = None) -> Json | None:
    """Return the assistant at a version, or as last published; None if there is none."""
    found = [
        each["body"]
        for each in books.versions.get(id, [])
        if version is None or each["version"] == version
    ]
    return found[-1] if found else None


def check_is_free(books: Books, id: str) -> None:
    """Refuse to delete an assistant that a squad or a number uses."""
    for user in _users(books, id):
        raise pinned("assistant", user)


def _users(books: Books, id: str) -> Iterator[str]:
    for squad in books.each("squad"):
        if any(member.get("assistantId") == id for member in squad["members"]):
            yield f"squad {squad['id']}"
    for number in books.each("phone-number"):
        if number.get("assistantId") == id:
            yield f"phone number {number['id']}"


def _check(books: Books, shape: str, body: Any) -> None:
    """Check the body's shape, that its tools exist, and that their names are unique."""
    shapes.check(shape, body)
    ids = tools.ids_in(body)
    gone = [each for each in ids if each not in books.tables["tool"]]
    if gone:
        raise invalid(f"model: tools not found: {', '.join(gone)}")
    names = [books.tables["tool"][each].get("function", {}).get("name") for each in ids]
    names += [tool.get("function", {}).get("name") for tool in _inline(body)]
    for name in {name for name in names if name and names.count(name) > 1}:
        raise invalid(f"model: more than one tool is called {name}")


def _inline(body: Json) -> list[Json]:
    return (body.get("model") or {}).get("tools") or []
