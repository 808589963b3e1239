"""How often a login may be tried: per address (in IPv6 per network of 64 bits) and per name.

Names are counted by their hash: people type passwords into the wrong field. A stranger who knows an
operator's name can keep it locked for as long as the tries go on; that is the price of a limit per
name.
"""

import hashlib

from limits import RateLimitItem, RateLimitItemPerMinute

from models.accounts.operator import normal_name
from web.http.address import counted_as
from web.http.guards.rate_limiter import RateLimiter

PER_ADDRESS = RateLimitItemPerMinute(20, 15)  # 20 tries in 15 minutes
PER_NAME = RateLimitItemPerMinute(10, 15)
# names that are nobody's, from all addresses together: each of them is a row of the audit
UNKNOWN = RateLimitItemPerMinute(100, 15)
WINDOW = 15 * 60  # seconds


class LoginLimit:
    """Counts tries; a login that succeeds clears its counts."""

    def __init__(self) -> None:
        self._counts = RateLimiter()

    def may_try(self, address: str, name: str) -> bool:
        """Count one try; False when the address or the name has had too many."""
        # an address that has had too many makes no counts of the names that it invents
        return all(self._counts.hit(item, key) for item, key in _keys(address, name))

    def may_record_unknown(self) -> bool:
        """Count one failure with a name that is nobody's; False when too many are on record."""
        return self._counts.hit(UNKNOWN, "login-unknown")

    def clear(self, address: str, name: str) -> None:
        """Forget the tries that led to a login."""
        for item, key in _keys(address, name):
            self._counts.clear(item, key)


def _keys(address: str, name: str) -> tuple[tuple[RateLimitItem, str], ...]:
    digest = hashlib.sha256(normal_name(name).encode()).hexdigest()[:32]
    return (PER_ADDRESS, f"login-address-{counted_as(address)}"), (PER_NAME, f"login-name-{digest}")
