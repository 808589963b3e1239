"""Ids: a prefix that names the kind, then 26 characters that sort by time."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32, lower case
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def new_id(prefix: str) -> str:
    """A fresh id such as `inv_01k…`: 48 bits of milliseconds, then 80 random bits."""
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return f"{prefix}_{''.join(_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10))}"


def new_token(prefix: str = "", length: int = 43) -> str:
    """An unguessable secret of `length` base32 characters (5 bits each)."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
