"""Squads: several assistants that share a call, each at a pinned version or its latest."""

from typing import Any

from sandbox.vapi import assistants, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, in_use, invalid


def create(books: Books, body: Any) -> Json:
    """``POST /squad``."""
    _check(books, "CreateSquadDTO", body)
    return books.keep("squad", dict(body))


def update(books: Books, id: str, body: Any) -> Json:
    """``PATCH /squad/{id}``: replaces all members."""
    books.find("squad", id)
    _check(books, "UpdateSquadDTO", body)
    return books.change("squad", id, body)


def check_is_free(books: Books, id: str) -> None:
    """Refuse to delete a squad that a number uses."""
    for number in books.each("phone-number"):
        if number.get("squadId") == id:
            raise in_use("squad", f"phone number {number['id']}")


def _check(books: Books, shape: str, body: Any) -> None:
    """Check the body's shape, and that each member exists, at its pinned version."""
    shapes.check(shape, body)
    if not body["members"]:
        raise invalid("members should not be empty")
    for place, member in enumerate(body["members"]):
        named, version = member.get("assistantId"), member.get("assistantVersion")
        if (named is None) == (member.get("assistant") is None):
            raise invalid(f"members.{place} needs one of assistantId, assistant")
        if version is not None and named is None:
            raise invalid(f"members.{place}.assistantVersion needs an assistantId")
        if named is not None and assistants.published(books, named, version) is None:
            raise invalid(f"members.{place}: assistant {named} {version or ''} not found")
