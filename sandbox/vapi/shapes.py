"""Checks every body against the shapes that Vapi publishes (`shapes.json`), as strictly as Vapi's
own validator: an unknown field is refused.

A shape lists its fields, and those required. A reference to a shape that is not in the file accepts
any object.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.vapi.errors import invalid

Kind = dict[str, Any]
SHAPES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("shapes.json").read_text("utf-8")
)
# Fields of query tools that Vapi documents (docs.vapi.ai/knowledge-base/using-query-tool) but its
# published shapes leave out.
DOCUMENTED = {
    "CreateQueryToolDTO": {"function": {"ref": "OpenAIFunction"}},
    "UpdateQueryToolDTO": {"function": {"ref": "OpenAIFunction"}},
}
STOPPED = "workflowId"
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def check(shape: str, body: Any) -> None:
    """Refuse a body that does not fit a shape, listing everything that is wrong with it."""
    wrong = list(_of_shape(shape, body, ""))
    if wrong:
        raise invalid(*wrong)


def _of_shape(shape: str, value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with an object."""
    if not isinstance(value, dict):
        yield f"{path.rstrip('.') or 'body'} must be an object"
        return
    fields = SHAPES[shape]["fields"] | DOCUMENTED.get(shape, {})
    if STOPPED in value:
        yield f"{path}{STOPPED}: Workflows are no longer supported"
    unknown = [name for name in value if name not in fields]
    yield from (f"{path}property {name} should not exist" for name in unknown)
    empty = [name for name in SHAPES[shape]["required"] if value.get(name) is None]
    yield from (f"{path}{name} should not be empty" for name in empty)
    for name, kind in fields.items():
        if value.get(name) is not None:
            yield from _of_kind(kind, value[name], f"{path}{name}")


def _of_kind(kind: Kind, value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a value."""
    if "ref" in kind:
        yield from _of_shape(kind["ref"], value, f"{path}.")
    elif "any" in kind:
        yield from _of_any(kind["any"], value, path)
    elif "type" in kind and not _has_type(kind["type"], value):
        yield f"{path} must be {'an' if kind['type'][0] in 'ao' else 'a'} {kind['type']}"
    else:
        yield from _of_bounds(kind, value, path)
        for place, item in enumerate(value if "items" in kind else []):
            yield from _of_kind(kind["items"], item, f"{path}.{place}")


def _has_type(name: str, value: Any) -> bool:
    is_truth = isinstance(value, bool)
    return isinstance(value, TYPES[name]) and (not is_truth or name == "boolean")


def _of_any(kinds: list[Kind], value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a value of several possible kinds. Objects name their kind in a
    field such as `provider`.
    """
    meant = [kind for kind in kinds if _is_meant(kind, value)]
    faults = [list(_of_kind(kind, value, path)) for kind in meant]
    if not faults:
        yield f"{path} is of no kind that is known here"
    elif all(faults):
        yield from min(faults, key=len)


def _is_meant(kind: Kind, value: Any) -> bool:
    """Whether a value's discriminating fields name this kind."""
    if "ref" not in kind:
        return True
    if not isinstance(value, dict):
        return False
    fields = SHAPES[kind["ref"]]["fields"]
    words = [
        name for name in ("provider", "type") if len(fields.get(name, {}).get("enum", [])) == 1
    ]
    return all(value.get(name) == fields[name]["enum"][0] for name in words)


def _of_bounds(kind: Kind, value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a plain value's content."""
    if "enum" in kind and value not in kind["enum"]:
        yield f"{path} must be one of the following values: {', '.join(map(str, kind['enum']))}"
    if "maxLength" in kind and len(value) > kind["maxLength"]:
        yield f"{path} must be shorter than or equal to {kind['maxLength']} characters"
    if "minLength" in kind and len(value) < kind["minLength"]:
        yield f"{path} must be longer than or equal to {kind['minLength']} characters"
    if "minimum" in kind and value < kind["minimum"]:
        yield f"{path} must not be less than {kind['minimum']}"
    if "maximum" in kind and value > kind["maximum"]:
        yield f"{path} must not be greater than {kind['maximum']}"
    if "pattern" in kind and not re.search(kind["pattern"], value):
        yield f"{path} must match {kind['pattern']} regular expression"
