"""The setting TRUSTED_PROXIES: the proxies whose forwarding headers are believed."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from runtime.errors import Misconfigured
from runtime.settings import get_settings

THIS_MACHINE = "127.0.0.1,::1"

Network = IPv4Network | IPv6Network


@lru_cache(maxsize=4)
def _networks(setting: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ip_network(part.strip(), strict=False) for part in setting.split(",") if part.strip()
        )
    except ValueError as error:
        raise Misconfigured(
            f"TRUSTED_PROXIES: {error}. Give addresses or networks, such as 10.0.0.0/8, separated"
            " by commas."
        ) from None


def trusted_proxies() -> tuple[Network, ...]:
    """The networks whose forwarding headers are believed. Raises Misconfigured."""
    return _networks(get_settings().trusted_proxies or THIS_MACHINE)
