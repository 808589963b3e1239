"""Ids: a prefix that names the kind, then 26 characters that sort by time."""

import os
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32, lower case
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)  # to each pair, of 10 bits, in an id of 130 bits
_SIZE = 10  # random bytes in an id

# Random bytes for the next ids, fetched in bulk: Python releases the GIL for each system call, and
# a thread that only wants an id would wait for the threads that took it. Cleared after a fork, so
# that parent and child never use the same bytes.
_spare: list[bytes] = []
os.register_at_fork(after_in_child=_spare.clear)


def new_id(prefix: str) -> str:
    """A fresh id such as `inv_01k…`: 48 bits of milliseconds, then 80 random bits."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(_random())
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def _random() -> bytes:
    """Take `_SIZE` random bytes that no other id gets."""
    try:
        return _spare.pop()
    except IndexError:
        many = os.urandom(_SIZE * 64)
    first, *rest = (many[at : at + _SIZE] for at in range(0, len(many), _SIZE))
    _spare.extend(rest)
    return first


def new_token(prefix: str = "", length: int = 43) -> str:
    """An unguessable secret of `length` base32 characters (5 bits each)."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
