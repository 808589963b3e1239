"""Reads a multipart form, including bytes."""

import re
from dataclasses import dataclass

from sandbox.vapi.errors import failure

BOUNDARY = re.compile(r'multipart/form-data;.*boundary="?([^";]+)"?', re.IGNORECASE)
ATTRIBUTE = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Part:
    """A field of the form; a file has a file name."""

    content: bytes
    filename: str | None
    type: str


def parts(content_type: str, raw: bytes) -> dict[str, Part]:
    """Return the form's fields by name; a repeated field keeps its last value."""
    found = BOUNDARY.match(content_type)
    if not found:
        raise failure(400, "Bad Request", "Multipart: Boundary not found")
    pieces = (b"\r\n" + raw).split(f"\r\n--{found[1]}".encode())
    return dict(map(_part, pieces[1:-1]))


def _part(piece: bytes) -> tuple[str, Part]:
    head, _, content = piece.partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, text = line.partition(":")
        headers[name.lower()] = text.strip()
    attributes = dict(ATTRIBUTE.findall(headers.get("content-disposition", "")))
    kind = headers.get("content-type", "text/plain")
    return attributes.get("name", ""), Part(content, attributes.get("filename"), kind)
