"""Ids: a prefix that names the kind, then 26 characters that sort by time."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32, lower case


def _base32(number: int, length: int) -> str:
    out = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        out.append(_ALPHABET[digit])
    return "".join(reversed(out))


def new_id(prefix: str) -> str:
    """A fresh id such as `inv_01k…`: 48 bits of milliseconds, then 80 random bits."""
    return f"{prefix}_{_base32(time.time_ns() // 1_000_000, 10)}{_base32(secrets.randbits(80), 16)}"


def new_token(prefix: str = "", length: int = 43) -> str:
    """An unguessable secret of `length` base32 characters (5 bits each)."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
