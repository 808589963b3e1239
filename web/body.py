"""Reading a request's body: capped before it is read, then JSON, then a checked model."""

import json
from typing import Any, TypeVar

import falcon
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from web.problems import Problem

CAP = 1024 * 1024  # bytes

Shape = TypeVar("Shape", bound="Body")


class Body(BaseModel):
    """The base of every request body: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", str_strip_whitespace=True)


def read_raw(req: falcon.Request, cap: int = CAP) -> bytes:
    """The raw body, chunked or not; at most one byte more than `cap` is read. Raises Problem 413."""
    if (req.content_length or 0) > cap:
        raise Problem("body_too_large", f"The body has {req.content_length} bytes; at most {cap} are taken.")
    if req.content_length is not None:
        return bytes(req.stream.read(req.content_length))
    raw = bytes(req.stream.read(cap + 1))
    if len(raw) > cap:
        raise Problem("body_too_large", f"The body has more than {cap} bytes.")
    return raw


def read_json(req: falcon.Request) -> Any:
    """The body as JSON; an empty body is an empty object. Raises Problem 400 when it is not JSON."""
    raw = read_raw(req)
    if not raw.strip():
        return {}
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Problem("bad_request", "The body is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise Problem("bad_request", f"The body is not JSON: {str(error)[:120]}.") from None


def check(shape: type[Shape], document: Any) -> Shape:
    """`document` as a `shape`. Raises Problem 422 that names each field, but never its value."""
    if not isinstance(document, dict):
        raise Problem("invalid", "The body must be a JSON object.")
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        fields = [{"field": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors(include_input=False)]
        names = ", ".join(field["field"] for field in fields[:5])
        raise Problem("invalid", f"Not valid: {names}.", errors=fields) from None
