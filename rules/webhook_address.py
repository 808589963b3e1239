"""Where outgoing webhooks may go: to public addresses over HTTPS, never into a private network
(SSRF).

A name says nothing about where it leads, so the addresses it resolves to are checked each time, and
the connection goes to a checked one. Ranges that embed an IPv4 address in an IPv6 one are judged by
the embedded address.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

LONGEST = 2000
LAST_PORT = 65_535
USUAL = {"https": 443, "http": 80}
_PORT = re.compile(r":([^\]:]*)$")  # after the last colon, outside an IPv6 address
_DIGITS = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")  # one label of a name, RFC 1123
LONGEST_NAME = 253
_INNER_NAMES = (
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home.arpa",
    "test",
    "invalid",
    "onion",
)
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
# From IANA's registries of special-purpose addresses, those that Python's own tables lack or treat
# differently; and Azure's wire server, whose address is formally public.
_SPECIAL = tuple(
    ip_network(text)
    for text in (
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "168.63.129.16/32",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL, so that what was checked is what is used."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == USUAL[self.scheme] else f"{host}:{self.port}"


def read_target(url: str, loopback: bool = False) -> Target:
    """Parse `url`. Raises ValueError with the reason if it is not allowed for a webhook.

    `loopback` allows this machine, and plain HTTP to it: for demos and tests.
    """
    if (
        len(url) > LONGEST
        or not url.isascii()
        or not url.isprintable()
        or " " in url
        or "\\" in url
    ):
        raise ValueError(
            f"must be a plain ASCII address of at most {LONGEST} characters (xn-- for other"
            " alphabets)"
        )
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removesuffix(".")
    except ValueError:
        raise ValueError("is not an address") from None
    if "@" in parts.netloc or "#" in url:
        raise ValueError("must not contain a user, password or fragment")
    port = _port(parts.netloc, parts.scheme)
    literal = as_address(host)
    if ("[" in parts.netloc) != isinstance(literal, IPv6Address) or (
        "[" not in parts.netloc and parts.netloc.count(":") > 1
    ):
        raise ValueError("is not an address")
    here = loopback and (host == "localhost" or (literal is not None and literal.is_loopback))
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise ValueError("must start with https://")
    if not here:
        _check_host(host, literal)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def _port(netloc: str, scheme: str) -> int:
    """The port in the URL, or the scheme's default."""
    written = _PORT.search(netloc)
    if written is None:
        return USUAL.get(scheme, 0)
    port = int(written[1]) if _DIGITS.fullmatch(written[1]) else 0
    if not 1 <= port <= LAST_PORT:
        raise ValueError(f"must have a port from 1 to {LAST_PORT}, or none")
    return port


def _check_host(host: str, literal: Address | None) -> None:
    if literal is not None:
        if not is_public(literal):
            raise ValueError("leads into a private network")
        if str(literal) != host and isinstance(literal, IPv4Address):
            raise ValueError(f"must name the address as {literal}")
        return
    labels = host.split(".")
    if (
        len(labels) < 2  # noqa: PLR2004 - a name and a top-level domain
        or len(host) > LONGEST_NAME
        or not all(_HOST.fullmatch(label) for label in labels)
    ):
        raise ValueError("must name a public host: letters, digits, dashes and dots")
    if any(host.endswith(f".{name}") for name in _INNER_NAMES) or labels[-1].isdigit():
        raise ValueError("leads into a private network")


def as_address(host: str) -> Address | None:
    """Parse `host` as an IP address, also in the forms that resolvers accept: 2130706433, 0x7f.1,
    0177.0.0.1. None if it is a name.
    """
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if host else None
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet; an IPv6 address that embeds an IPv4 one is
    judged by that.
    """
    if isinstance(address, IPv6Address):
        hidden = address.ipv4_mapped or (
            IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
        )
        if hidden is not None:
            return is_public(hidden)
        if address.scope_id is not None:
            return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def may_reach(text: str, loopback: bool = False) -> bool:
    """Whether connecting to a resolved address is allowed."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return is_public(address) or (loopback and address.is_loopback)
