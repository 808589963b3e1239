"""Rate limits on logins: per address (in IPv6 per /64 network) and per name.

Names are counted by their hash, since people type passwords into the wrong field. A stranger who
knows an operator's name can keep it locked by trying repeatedly; that is the price of a limit per
name.
"""

import hashlib

from limits import RateLimitItem, RateLimitItemPerMinute

from models.accounts.operator import normal_name
from web.http.address import rate_limit_key
from web.http.guards.rate_limiter import RateLimiter

PER_ADDRESS = RateLimitItemPerMinute(20, 15)  # 20 tries in 15 minutes
PER_NAME = RateLimitItemPerMinute(10, 15)
# unknown names, from all addresses together: each failure adds a row to the audit log
UNKNOWN = RateLimitItemPerMinute(100, 15)
WINDOW = 15 * 60  # seconds


class LoginLimit:
    """Counts attempts; a successful login clears its counts."""

    def __init__(self) -> None:
        self._counts = RateLimiter()

    def may_try(self, address: str, name: str) -> bool:
        """Count an attempt; False if the address or the name has had too many."""
        # the address first: once over its limit, it adds no counts for names that it invents
        return all(self._counts.hit(item, key) for item, key in _keys(address, name))

    def may_record_unknown(self) -> bool:
        """Count a failure with an unknown name; False if too many are on record."""
        return self._counts.hit(UNKNOWN, "login-unknown")

    def clear(self, address: str, name: str) -> None:
        """Reset the counts after a successful login."""
        for item, key in _keys(address, name):
            self._counts.clear(item, key)


def _keys(address: str, name: str) -> tuple[tuple[RateLimitItem, str], ...]:
    digest = hashlib.sha256(normal_name(name).encode()).hexdigest()[:32]
    return (PER_ADDRESS, f"login-address-{rate_limit_key(address)}"), (
        PER_NAME,
        f"login-name-{digest}",
    )
