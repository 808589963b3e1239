"""SIP trunks that Vapi takes calls from: by their addresses, which are never names."""

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
    """``PATCH /credential/{id}``: all gateways, again."""
    books.find("credential", id)
    shapes.check("UpdateByoSipTrunkCredentialDTO", body)
    _check_gateways(body.get("gateways") or [])
    return books.change("credential", id, body)


def check_is_free(books: Books, id: str) -> None:
    """Refuse to take a trunk from a number that comes by it."""
    for number in books.each("phone-number"):
        if number.get("credentialId") == id:
            raise in_use("credential", f"phone number {number['id']}")


def takes_call(books: Books, id: str, caller_ip: str) -> bool:
    """Whether a call from an address comes in by the trunk `id`."""
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
    """An inbound gateway by its name is what Vapi's trunks most often fail over."""
    for each in gateways:
        try:
            ipaddress.IPv4Address(each["ip"])
        except ValueError:
            if each.get("inboundEnabled", True):
                raise invalid(FAILED) from None
