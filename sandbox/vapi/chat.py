"""Chats: replies are determined by the input, so that tests can predict them."""

from typing import Any

from sandbox.vapi import assistants, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, invalid

COST = 0.0021  # USD a reply
SUPPORTED = frozenset({"assistant", "assistantId", "input", "previousChatId", "name"})


def create(books: Books, body: Any) -> Json:
    """``POST /chat``."""
    shapes.check("CreateChatDTO", body)
    unsupported = sorted(set(body) - SUPPORTED)
    if unsupported or not isinstance(body["input"], str):
        raise invalid(f"the stand-in takes a text as input, and no {', '.join(unsupported)}")
    before = _before(books, body.get("previousChatId"))
    assistant = _assistant(books, body, before)
    said = [*before.get("messages", []), *before.get("output", [])]
    turn = sum(1 for each in said if each["role"] == "user") + 1
    text = reply(assistant, body["input"], turn)
    chat = books.keep(
        "chat",
        {
            **body,
            "assistant": assistant,
            "messages": [*said, {"role": "user", "content": body["input"]}],
            "output": [{"role": "assistant", "content": text}],
            "cost": COST,
            "costs": [{"type": "chat", "cost": COST}],
        },
    )
    books.bill("chat", chat["id"], COST)
    return chat


def reply(assistant: Json, said: str, turn: int) -> str:
    """Return the assistant's reply: its greeting in the first turn, then an echo of the input."""
    greeting = assistant.get("firstMessage") if turn == 1 else None
    heard = f"You said “{said}”. ({assistant.get('name') or 'Assistant'}, turn {turn})"
    return f"{greeting} {heard}" if greeting else heard


def _before(books: Books, id: Any) -> Json:
    """Return the previous chat, if the body names one."""
    if id is None:
        return {}
    if id not in books.tables["chat"]:
        raise invalid(f"previousChatId {id} not found")
    return books.tables["chat"][id]


def _assistant(books: Books, body: Json, before: Json) -> Json:
    """Return the assistant: given, named, or that of the previous chat."""
    if body.get("assistantId"):
        named = assistants.published(books, body["assistantId"])
        if named is None:
            raise invalid(f"assistant {body['assistantId']} not found")
        return named
    given: Json | None = body.get("assistant") or before.get("assistant")
    if given is None:
        raise invalid("at least one of assistant, assistantId, previousChatId is needed")
    return given
