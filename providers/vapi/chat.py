"""A text chat with an assistant that has not been created, to try out a configuration."""

from dataclasses import dataclass
from typing import Any

from providers.vapi import client
from providers.vapi.client import Json


@dataclass(frozen=True, slots=True)
class ChatReply:
    """The assistant's reply. Pass `id` to continue the chat; `cost` is in USD as Vapi reports it,
    None if it does not.
    """

    id: str
    text: str
    cost: float | None


def create_chat(assistant: Json, input: str, previous_chat_id: str = "") -> ChatReply:
    """Send a message to an assistant given as a whole body, continuing a previous chat if one is
    named.
    """
    before = {"previousChatId": previous_chat_id} if previous_chat_id else {}
    chat = client.post("/chat", {"assistant": assistant, "input": input} | before)
    text = "\n".join(filter(None, map(_reply_text, _list(chat.get("output"))))).strip()
    if not text:
        raise client.unexpected_answer("a chat without a reply")
    cost = chat.get("cost")
    dollars = float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None
    return ChatReply(chat["id"], text, dollars)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _reply_text(message: Any) -> str:
    """The text of an assistant's message; empty for a tool's or the system's."""
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return ""
    content = message.get("content")
    return content if isinstance(content, str) else ""
