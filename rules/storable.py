"""Make text storable in every database: external input may contain a NUL character, which
PostgreSQL rejects, or half a surrogate pair, which is not valid UTF-8; pure.
"""

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable_text(text: str) -> str:
    """Replace each character that cannot be stored by U+FFFD."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def storable(value: Any) -> Any:
    """Make every string of a JSON document storable, its member names included."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(name): storable(member) for name, member in value.items()}
    return [storable(member) for member in value] if isinstance(value, list) else value
