"""Vapi's tool-call messages, and our answers to them; pure.

Three formats coexist: Vapi's specification has `function` with its arguments as JSON text, its
guides have `arguments` or `parameters` as an object. All are read.

https://docs.vapi.ai/tools/custom-tools
"""

import json
from dataclasses import dataclass
from typing import Any

from rules.cards.card_numbers import redact
from rules.storable import storable_text

Json = dict[str, Any]
CALL_ID = "callId"  # the tools' static parameter
MOST = 20  # tool calls per message; a model makes one or two
LONGEST = 1500  # characters of a line
DEEPEST = 8  # nesting levels of arguments; our tools need one
_LONGEST_ID = 200
_ROLES = {"bot": "assistant", "assistant": "assistant", "user": "user"}


@dataclass(frozen=True, slots=True)
class ToolInvocation:
    """One tool call. `arguments` are the model's, without card numbers, overridden by the static
    values, which the model can neither see nor change; the call's id is left out.
    """

    id: str
    name: str
    arguments: Json
    had_card_number: bool = False


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance in the call: `role` is `assistant` or `user`."""

    role: str
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one tool call, in one line: its result, or why it failed."""

    line: str
    failed: bool = False


def read_tool_calls(document: Any) -> list[ToolInvocation]:
    """Return every tool call in the body; empty if there is none."""
    message = _dict(_dict(document).get("message"))
    listed = [_dict(each) for each in _list(message.get("toolCallList"))]
    if not listed:
        paired = [_dict(each) for each in _list(message.get("toolWithToolCallList"))]
        # the function's name may be given only beside the call
        listed = [{"name": each.get("name")} | _dict(each.get("toolCall")) for each in paired]
    return [_read(each) for each in listed[:MOST] if each]


def read_call(document: Any) -> Json:
    """Return the call that a body is about, with the number and the caller that may be named beside
    it only; empty if it names none.
    """
    message = _dict(_dict(document).get("message"))
    call = {name: each for name, each in _dict(message.get("call")).items() if each is not None}
    number = _dict(message.get("phoneNumber")).get("id")
    return call and {"phoneNumberId": number, "customer": message.get("customer")} | call


def read_transcript(document: Any) -> tuple[Utterance, ...]:
    """Return the transcript so far, oldest first, without card numbers."""
    artifact = _dict(_dict(_dict(document).get("message")).get("artifact"))
    spoken = _list(artifact.get("messages")) or _list(artifact.get("messagesOpenAIFormatted"))
    heard = []
    for each in map(_dict, spoken):
        role = _ROLES.get(str(each.get("role")))
        words = each.get("message") or each.get("content")
        if role and isinstance(words, str):
            heard.append(Utterance(role, redact(words)))
    return tuple(heard)


def rendered(called: ToolInvocation, answer: Answer) -> Json:
    """One entry of `results`."""
    key = "error" if answer.failed else "result"
    return {"toolCallId": called.id, "name": called.name, key: one_line(answer.line)}


def one_line(text: str) -> str:
    """Flatten a text to one line, as Vapi requires, and redact card numbers."""
    return " ".join(redact(text).split())[:LONGEST]


def _read(each: Json) -> ToolInvocation:
    function = _dict(each.get("function"))
    name = each.get("name") or function.get("name") or ""
    given = (
        each.get("arguments"),
        each.get("parameters"),
        function.get("arguments"),
        function.get("parameters"),
    )
    arguments = _arguments(next((value for value in given if value), {}))
    # the message names its call; by chance, the digits of a UUID are those of a card number
    arguments.pop(CALL_ID, None)
    plain = _without_cards(arguments)
    return ToolInvocation(
        id=str(each.get("id") or "")[:_LONGEST_ID],
        name=str(name)[:_LONGEST_ID],
        arguments=plain,
        had_card_number=plain != arguments,
    )


def _arguments(value: Any) -> Json:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return _dict(_storable(value))


def _storable(value: Any, level: int = 0) -> Any:
    """Make the model's values storable in any database. What nests too deep is dropped: arguments
    that arrive as JSON text have no depth limit yet.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict | list) and level == DEEPEST:
        return None
    if isinstance(value, dict):
        return {_text(name): _storable(each, level + 1) for name, each in value.items()}
    return [_storable(each, level + 1) for each in value] if isinstance(value, list) else value


def _text(text: str) -> str:
    return storable_text(text.replace("\0", ""))


def _without_cards(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(name): _without_cards(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_cards(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return redact(str(value)) if redact(str(value)) != str(value) else value
    return value


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
