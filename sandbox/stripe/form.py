"""Decodes form-encoded parameters, as the SDK writes them, into nested values."""

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import Json, invalid

PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> Json:
    """Decode ``a[b][0]=c`` into ``{"a": {"b": ["c"]}}``; leaves stay strings."""
    tree: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        _put(tree, _keys(name), value, name)
    return {key: _lists(value) for key, value in tree.items()}


def _keys(name: str) -> list[str]:
    """Split ``a[b][0]`` into its keys."""
    head, bracket, _ = name.partition("[")
    return [head, *PART.findall(name[len(head) :])] if bracket else [head]


def _put(tree: Json, keys: list[str], value: str, name: str) -> None:
    """Set one leaf, creating the branches on the way."""
    for key in keys[:-1]:
        tree = tree.setdefault(key or str(len(tree)), {})
        if not isinstance(tree, dict):
            raise invalid(f"Invalid parameters: {name} is both a value and a hash", param=name)
    tree[keys[-1] or str(len(tree))] = value


def _lists(value: Any) -> Any:
    """Turn hashes whose keys are all digits into lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
