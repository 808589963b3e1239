"""Text that every database keeps: what others send may hold a NUL character, which PostgreSQL does
not take, or half a surrogate pair, which is no UTF-8; pure.
"""

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LEFT_OUT = "\N{REPLACEMENT CHARACTER}"


def storable_text(text: str) -> str:
    """A text in which a sign stands for each character that cannot be kept."""
    return _UNSTORABLE.sub(_LEFT_OUT, text)


def storable(value: Any) -> Any:
    """A document of JSON with such texts only, the names of its members too."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(name): storable(member) for name, member in value.items()}
    return [storable(member) for member in value] if isinstance(value, list) else value
