"""How often a login may be tried: per address and per name.

Names are counted by their hash: people type passwords into the wrong field. A stranger who knows an
operator's name can keep it locked for as long as the tries go on; that is the price of a limit per
name.
"""

import hashlib

from limits import RateLimitItem, RateLimitItemPerMinute

from models.accounts.operator import normal_name
from web.server.counted_limit import CountedLimit

PER_ADDRESS = RateLimitItemPerMinute(20, 15)  # 20 tries in 15 minutes
PER_NAME = RateLimitItemPerMinute(10, 15)
WINDOW = 15 * 60  # seconds


class LoginLimit:
    """Counts tries; a login that succeeds clears its counts."""

    def __init__(self) -> None:
        self._counts = CountedLimit()

    def may_try(self, address: str, name: str) -> bool:
        """Count one try; False when the address or the name has had too many."""
        # both are counted, always
        hits = [self._counts.hit(item, key) for item, key in _keys(address, name)]
        return all(hits)

    def clear(self, address: str, name: str) -> None:
        """Forget the tries that led to a login."""
        for item, key in _keys(address, name):
            self._counts.clear(item, key)


def _keys(address: str, name: str) -> tuple[tuple[RateLimitItem, str], ...]:
    digest = hashlib.sha256(normal_name(name).encode()).hexdigest()[:32]
    return (PER_ADDRESS, f"login-address-{address}"), (PER_NAME, f"login-name-{digest}")
