"""SIP trunks from which Vapi accepts calls: by IP address, never by host name."""

import ipaddress
from typing import Any

from sandbox.vapi import shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, in_use, invalid

FAILED = "Couldn't validate SIP trunk credential. SIP gateway creation failed."


def create(books: Books, body: Any) -> Json:
    """``POST /credential``."""
    shapes.check("CreateByoSipTrunkCredentialDTO", body)
    _check_gateways(body["gateways"])
    return books.keep("credential", dict(body))


def update(books: Books, id: str, body: Any) -> Json:
    """``PATCH /credential/{id}``: replaces all gateways."""
    books.find("credential", id)
    shapes.check("UpdateByoSipTrunkCredentialDTO", body)
    _check_gateways(body.get("gateways") or [])
    return books.change("credential", id, body)


def check_is_free(books: Books, id: str) -> None:
    """Refuse to delete a trunk that a number uses."""
    for number in books.each("phone-number"):
        if number.get("credentialId") == id:
            raise in_use("credential", f"phone number {number['id']}")


def takes_call(books: Books, id: str, caller_ip: str) -> bool:
    """Whether trunk `id` accepts calls from an IP address."""
    known = books.tables["credential"].get(id)
    if known is None:
        return False
    return any(
        ipaddress.ip_address(caller_ip)
        in ipaddress.ip_network(f"{each['ip']}/{each.get('netmask', 32)}", strict=False)
        for each in known["gateways"]
        if each.get("inboundEnabled", True)
    )


def _check_gateways(gateways: list[Json]) -> None:
    """Refuse an inbound gateway given by name, the most common error with Vapi's trunks."""
    for each in gateways:
        try:
            ipaddress.IPv4Address(each["ip"])
        except ValueError:
            if each.get("inboundEnabled", True):
                raise invalid(FAILED) from None
