"""The client's address, and whether it used HTTPS, as far as a request's headers can be trusted.

`TRUSTED_PROXIES` names the proxies in front of us, by address or network (CIDR), comma-separated;
unset, it means this machine. Only headers from such a proxy count. Hops are read from our end, so
that an `X-Forwarded-For` forged by a client is never reached; `Forwarded` and `X-Real-IP` are
ignored.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import falcon

from runtime.trusted_proxies import trusted_proxies

HOPS = 20  # most proxies believed in a row; a header may name hundreds
SITE = 64  # network bits of an IPv6 address: its holder can change the rest at will
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


def _is_trusted(text: str) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in trusted_proxies())


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address as proxies write it: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or
    `[2001:db8::1]:4711`. None if it is not an address.
    """
    plain = (
        text.strip().removeprefix("[").partition("]")[0]
        if text.strip().startswith("[")
        else text.strip()
    )
    plain = plain.partition(":")[0] if plain.count(":") == 1 else plain
    try:
        address = ip_address(plain.partition("%")[0])  # drop the zone: any text of the peer's
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def client_address(req: falcon.Request) -> str:
    """The nearest address that is not one of our proxies; `unknown` if it is not an address."""
    forwarded = (req.get_header("X-Forwarded-For") or "").rsplit(",", HOPS)[-HOPS:]
    hops = [hop for hop in (*forwarded, req.remote_addr or "") if hop.strip()]
    while len(hops) > 1 and _is_trusted(hops[-1]) and _address(hops[-2]) is not None:
        hops.pop()
    address = _address(hops[-1]) if hops else None
    return str(address) if address is not None else "unknown"


def rate_limit_key(text: str) -> str:
    """What an address counts as in rate limits: an IPv4 address as itself, even if embedded in an
    IPv6 address (RFC 3056, 4380, 6052), any other IPv6 address as its /64 network.
    """
    address = _address(text)
    if not isinstance(address, IPv6Address):
        return str(address) if address is not None else "unknown"
    if address in NAT64:
        return str(IPv4Address(address.packed[-4:]))
    inner = address.sixtofour or (address.teredo[1] if address.teredo else None)
    return str(inner or IPv6Network((int(address) >> SITE << SITE, SITE)))


def is_https(req: falcon.Request) -> bool:
    """Whether the client used HTTPS: to us, or to a trusted proxy that says so."""
    if req.scheme == "https":  # our own TLS, or gunicorn believed the proxy (forwarded_allow_ips)
        return True
    proto = (req.get_header("X-Forwarded-Proto") or "").rpartition(",")[2].strip().lower()
    return proto == "https" and _is_trusted(req.remote_addr or "")
