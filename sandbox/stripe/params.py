"""Checks every request's parameters against the SDK's own TypedDicts.

The SDK is generated from Stripe's specification, so Stripe refuses the parameters that it does not
know. The types are walked here rather than by a library, to coerce form strings and to name
parameters as Stripe does. Where the SDK allows some literals or any ``str``, only the literals
pass, because a misspelt value is a mistake too.
"""

import re
import types
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import stripe
from stripe import RequestOptions
from stripe.params import checkout

from sandbox.stripe.errors import Json, invalid

MOST_KEYS, LONGEST_KEY, LONGEST_VALUE = 50, 40, 500  # of metadata
INTEGER = re.compile(r"-?\d+")
# names the SDK imports only for type checkers
UNRESOLVED = {"Mapping": Mapping, "StripeContext": str}
BOOLEANS = {"true": True, "false": False}


def check(params_class: str, given: Json) -> Json:
    """Check decoded form parameters against the named class in ``stripe.params``, and return typed
    values.
    """
    return _checked_hash(given, _params_class(params_class), "")


@cache
def _params_class(name: str) -> Any:
    """Return the SDK's class; a name starting with ``checkout.`` is in that module."""
    module, _, last = name.rpartition(".")
    return getattr(checkout if module else stripe.params, last)


@cache
def _fields(params_class: Any) -> dict[str, Any]:
    """Return the parameters of a class and their types, without inherited request options."""
    hints = get_type_hints(params_class, localns=UNRESOLVED)
    options = RequestOptions.__annotations__
    own = not all(name in hints for name in options)
    return {name: hint for name, hint in hints.items() if own or name not in options}


def _checked_hash(given: Json, params_class: Any, path: str) -> Json:
    """Check a hash: no unknown keys, none missing that is required, each value of its type."""
    fields = _fields(params_class)
    for name in given:
        if name not in fields:
            param = _join(path, name)
            raise invalid(
                f"Received unknown parameter: {param}", code="parameter_unknown", param=param
            )
    for name in params_class.__required_keys__ & set(fields):
        if given.get(name, "") == "":
            param = _join(path, name)
            raise invalid(
                f"Missing required param: {param}.", code="parameter_missing", param=param
            )
    return {name: _checked(value, fields[name], _join(path, name)) for name, value in given.items()}


def _join(path: str, name: str | int) -> str:
    """Name a parameter as Stripe does: ``a[b][0]``."""
    return f"{path}[{name}]" if path else str(name)


def _checked(value: Any, hint: Any, path: str) -> Any:
    """Check one value against one type, and return it typed."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _checked_union(value, get_args(hint), path)
    if origin is Literal:
        return _checked_word(value, get_args(hint), path)
    if origin in (list, tuple):
        return _checked_list(value, get_args(hint)[0], path)
    if origin is dict:
        return _checked_mapping(value, get_args(hint)[1], path)
    if isinstance(hint, type) and hasattr(hint, "__required_keys__"):
        return _checked_hash(_hash(value, path), hint, path)
    return _checked_scalar(value, hint, path)


def _hash(value: Any, path: str) -> Json:
    """Return the value if it is a hash, or refuse it."""
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=path, code="parameter_invalid_object")
    return value


def _checked_list(value: Any, inner: Any, path: str) -> list[Any]:
    """Check each item of a list."""
    if not isinstance(value, list):
        raise invalid("Invalid array", param=path, code="parameter_invalid_array")
    return [_checked(item, inner, _join(path, index)) for index, item in enumerate(value)]


def _checked_mapping(value: Any, inner: Any, path: str) -> Json:
    """Check a hash with free keys, such as metadata."""
    if isinstance(value, list):  # the keys happened to be digits
        value = {str(index): item for index, item in enumerate(value)}
    given = _hash(value, path)
    _check_size(given, path)
    return {key: _checked(item, inner, _join(path, key)) for key, item in given.items()}


def _check_size(given: Json, path: str) -> None:
    """Refuse metadata beyond Stripe's limits (docs.stripe.com/api/metadata)."""
    if path.rpartition("[")[2].rstrip("]") != "metadata":
        return
    if len(given) > MOST_KEYS:
        raise invalid(f"Metadata can have up to {MOST_KEYS} keys.", param=path)
    if any(len(key) > LONGEST_KEY for key in given):
        raise invalid(f"Metadata keys can have up to {LONGEST_KEY} characters.", param=path)
    if any(len(str(item)) > LONGEST_VALUE for item in given.values()):
        raise invalid(f"Metadata values can have up to {LONGEST_VALUE} characters.", param=path)


def _checked_word(value: Any, words: tuple[Any, ...], path: str) -> Any:
    """Return the value if it is one of the allowed words, or refuse it."""
    if value not in words:
        shown = ", ".join(str(word) for word in words[:12])
        raise invalid(f"Invalid {path}: must be one of {shown}", param=path)
    return value


def _checked_union(value: Any, hints: tuple[Any, ...], path: str) -> Any:
    """Return the first alternative that fits, or raise the error of the last one tried."""
    problem = invalid(f"Invalid {path}", param=path)
    for hint in sorted(_alternatives(hints, value), key=_rank):
        try:
            return _checked(value, hint, path)
        except type(problem) as error:
            problem = error
    raise problem


def _alternatives(hints: tuple[Any, ...], value: Any) -> list[Any]:
    """Return the members of a union that fit the value's shape: nested or scalar."""
    flat = [
        hint for hint in hints if hint is not type(None) and "UntypedStripeObject" not in str(hint)
    ]
    if isinstance(value, (dict, list)):
        return [hint for hint in flat if _is_nested(hint)]
    scalars = [hint for hint in flat if not _is_nested(hint)]
    worded = any(get_origin(hint) is Literal and get_args(hint) != ("",) for hint in scalars)
    return [hint for hint in scalars if not (worded and hint is str)]


def _is_nested(hint: Any) -> bool:
    """Whether a type is a hash or a list."""
    return get_origin(hint) in (list, dict) or hasattr(hint, "__required_keys__")


def _rank(hint: Any) -> int:
    """Rank an alternative, so that narrow types are tried before wide ones."""
    order = [bool, int, float, Decimal]
    if get_origin(hint) is Literal:
        return len(order)
    return order.index(hint) if hint in order else len(order) + 1


def _checked_scalar(value: Any, hint: Any, path: str) -> Any:
    """Convert a form string to the scalar type."""
    if isinstance(value, (dict, list)):
        raise invalid(f"Invalid {path}: expected a single value", param=path)
    if hint is bool:
        return BOOLEANS[_matching(value in BOOLEANS, value, "boolean", path)]
    if hint is int:
        return int(_matching(bool(INTEGER.fullmatch(value)), value, "integer", path))
    if hint in (float, Decimal):
        return str(_decimal(value, path))
    return value


def _matching(fits: bool, value: str, kind: str, path: str) -> str:
    """Return the value if it fits, or refuse it."""
    if not fits:
        raise invalid(f"Invalid {kind}: {value}", param=path, code=f"parameter_invalid_{kind}")
    return value


def _decimal(value: str, path: str) -> Decimal:
    """Read a decimal, or refuse the value."""
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise invalid(f"Invalid decimal: {value}", param=path) from error
