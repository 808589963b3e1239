"""Reads a request's body: limits its size, parses it as JSON, validates it against a model."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

import falcon
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from web.http.guards.card_guard import refuse_card_numbers
from web.http.problems import Problem

CAP = 1024 * 1024  # bytes
CALL_CAP = 4 * CAP  # for Vapi's messages, each of which contains the whole call so far
MAX_DEPTH = 64  # levels of objects and lists; Stripe's deepest events have about twenty
MAX_VALUES = 10_000  # in an API request, which has a few dozen: each is walked several times
MOST_FIELDS = 50  # most invalid fields reported

Shape = TypeVar("Shape", bound="Body")


class Body(BaseModel):
    """The base of every request body: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", str_strip_whitespace=True
    )


def read_raw(req: falcon.Request, cap: int = CAP) -> bytes:
    """The raw body, chunked or not; reads at most one byte more than `cap`. Raises Problem 413, or
    400 if the body did not arrive whole.
    """
    length = req.content_length
    if (length or 0) > cap:
        raise Problem("body_too_large", f"The body has {length} bytes; the limit is {cap}.")
    try:
        raw = bytes(req.stream.read(cap + 1 if length is None else length))
    except (OSError, ParseException):
        raise Problem(
            "bad_request",
            "The body ended early or did not arrive in time, or its chunked encoding is invalid.",
        ) from None
    if len(raw) > cap:
        raise Problem("body_too_large", f"The body exceeds the limit of {cap} bytes.")
    return raw


def read_json(req: falcon.Request) -> Any:
    """The body as JSON; an empty body is an empty object.

    Raises Problem 400 if it is not JSON or contains text that no database can store, 422 if it
    contains a card number.
    """
    raw = read_raw(req)
    if not raw.strip():
        return {}
    try:
        document = parse_json(raw.decode("utf-8"), MAX_VALUES)
        refuse_unstorable(document)
    except UnicodeDecodeError:
        raise Problem("bad_request", "The body is not UTF-8.") from None
    except TooMuch as error:
        raise Problem("bad_request", f"{error}.") from None
    except ValueError as error:
        raise Problem("bad_request", f"The body is not JSON: {str(error)[:120]}.") from None
    refuse_card_numbers(document)
    return document


class TooMuch(ValueError):
    """A document is deeper or larger than any legitimate one."""


class TooDeep(TooMuch):
    """A document nests so deeply that walking it would exhaust the stack."""

    def __init__(self) -> None:
        super().__init__(f"The JSON nests more than {MAX_DEPTH} levels deep")


def parse_json(text: str, most_values: int | None = None) -> Any:
    """Parse a JSON text. Raises ValueError if it is not JSON, TooDeep if it nests more than
    MAX_DEPTH levels, TooMuch if it holds more than `most_values` values.
    """
    try:
        document = _STRICT.decode(text)
    except RecursionError:
        raise TooDeep from None
    if most_values is None and text.count("{") + text.count("[") <= MAX_DEPTH:
        return document
    level = _containers([document])
    values = 0
    for _ in range(MAX_DEPTH):
        if not level:
            break
        values += sum(map(len, level))
        if most_values is not None and values > most_values:
            raise TooMuch(f"The JSON holds more than {most_values} values")
        level = _containers(
            member
            for value in level
            for member in (value.values() if isinstance(value, dict) else value)
        )
    if level:
        raise TooDeep
    return document


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant)


def refuse_unstorable(value: Any) -> None:
    """Raises ValueError for text that no database can store: NUL and unpaired surrogates."""
    if isinstance(value, str):
        if "\0" in value or not _is_utf8(value):
            raise ValueError("it contains a NUL character or an unpaired surrogate")
    elif isinstance(value, dict):
        refuse_unstorable([*value, *value.values()])
    elif isinstance(value, list):
        for member in value:
            refuse_unstorable(member)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check(shape: type[Shape], document: Any) -> Shape:
    """`document` as a `shape`. Raises Problem 422, naming each invalid field but never its
    value.
    """
    if not isinstance(document, dict):
        raise Problem("invalid", "The body must be a JSON object.")
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        fields = [
            {"field": ".".join(map(str, item["loc"])), "message": _message_of(item)}
            for item in error.errors(include_input=False, include_url=False)[:MOST_FIELDS]
        ]
        summary = "; ".join(f"{field['field']} {field['message']}" for field in fields[:5])
        raise Problem("invalid", f"Not valid: {summary}.", errors=fields) from None


def _message_of(item: ErrorDetails) -> str:
    """The message about a field, to be read after its name; our validators' own are unchanged."""
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    return f"is not valid: {item['msg'][:1].lower()}{item['msg'][1:]}"
