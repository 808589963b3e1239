"""Webhooks to the clinic's own software, at any address on the internet: one signed POST and its
outcome.

To prevent SSRF and DNS rebinding, the name is resolved here, every address it resolves to is
checked, and the connection goes to a checked address while TLS still verifies the name. There are
no redirects and no environment proxies, and a POST ends after ten seconds whatever the receiver
does.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import httpx
from standardwebhooks import Webhook

from rules.webhook_address import Target, may_reach, read_target

TOTAL = 10.0  # seconds for everything, including the DNS lookup
TIMEOUT = httpx.Timeout(5.0, connect=3.0)
TRIED = 2  # addresses tried for one name
SUCCESS = 2  # the status's hundreds digit
GONE = 410

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of one POST: a status, or an error if there was no status."""

    status: int | None
    error: str
    milliseconds: int

    @property
    def taken(self) -> bool:
        """Whether the receiver accepted the webhook, i.e. answered 2xx."""
        return self.status is not None and self.status // 100 == SUCCESS


class AddressRefused(Exception):
    """The name resolves to an address that we do not connect to."""


def lookup(host: str, port: int) -> list[str]:
    """Return every address of `host`, without duplicates."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def signed_headers(secret: str, message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The headers of one attempt, by the Standard Webhooks scheme. All attempts at a message share
    its id; the timestamp and the signature are new each time.
    """
    return {
        "Content-Type": "application/json",
        "User-Agent": "Payphone-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


def post_webhook(
    url: str,
    body: bytes,
    headers: dict[str, str],
    loopback: bool = False,
    resolve: Resolve = lookup,
    transport: httpx.BaseTransport | None = None,
) -> Reply:
    """Send `body` to `url` once. Never raises for a fault of the receiver, its name or network."""
    begun = time.monotonic()
    outcome: list[tuple[int | None, str]] = [(None, f"no answer within {TOTAL:.0f} s")]
    connections = _Connections()

    def run() -> None:
        with httpx.Client(
            timeout=TIMEOUT, trust_env=False, verify=_certificates(), transport=transport
        ) as client:
            outcome.append(_outcome(client, connections, url, body, headers, loopback, resolve))

    sender = threading.Thread(target=run, daemon=True)
    sender.start()
    sender.join(TOTAL)
    status, error = outcome[-1]
    connections.cut()
    return Reply(status, error, int((time.monotonic() - begun) * 1000))


class _Connections:
    """The connections of one POST, which another thread may shut down.

    Only the sending thread closes them. If another thread closed a socket during TLS reads, its
    file descriptor could be reused, and the sender would read from and write to an unrelated
    connection.
    """

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Httpx's trace hook, called in the sender's thread at each step. Raises TimeoutError once
        the wire is cut.
        """
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
        if self._is_cut:
            raise TimeoutError

    def cut(self) -> None:
        """Make a sender that is still waiting fail at once and go no further."""
        self._is_cut = True
        for each in self._sockets:
            with contextlib.suppress(OSError):  # already closed, or wrapped by TLS
                each.shutdown(socket.SHUT_RDWR)


def _outcome(
    client: httpx.Client,
    connections: _Connections,
    url: str,
    body: bytes,
    headers: dict[str, str],
    loopback: bool,
    resolve: Resolve,
) -> tuple[int | None, str]:
    try:
        target = read_target(url, loopback)
        addresses = _checked_addresses(target, loopback, resolve)
        return _send(client, connections, target, addresses, body, headers), ""
    except (AddressRefused, ValueError) as error:
        return None, f"address refused: {error}"[:200]
    except socket.gaierror:
        return None, "the name does not resolve"
    except (httpx.HTTPError, OSError) as error:
        return None, type(error).__name__


def _checked_addresses(target: Target, loopback: bool, resolve: Resolve) -> list[str]:
    addresses = resolve(target.host, target.port)
    if not addresses or not all(may_reach(address, loopback) for address in addresses):
        raise AddressRefused("the name resolves to a private network")
    return addresses[:TRIED]


def _send(
    client: httpx.Client,
    connections: _Connections,
    target: Target,
    addresses: list[str],
    body: bytes,
    headers: dict[str, str],
) -> int:
    """POST to the first of the checked addresses that accepts a connection, and return the status.
    The response body is not read.
    """
    for number, address in enumerate(addresses, 1):
        host = f"[{address}]" if ":" in address else address
        url = f"{target.scheme}://{host}:{target.port}{target.path}"
        named = headers | {"Host": target.authority}
        watched = {"sni_hostname": target.host, "trace": connections.watch}
        try:
            with client.stream(
                "POST", url, content=body, headers=named, extensions=watched
            ) as response:
                return response.status_code
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses):
                raise
    raise AddressRefused("the name has no address")
