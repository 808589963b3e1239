"""Which carrier's bills are accepted for a port request, judged by content and by name; pure.

Twilio accepts images and unencrypted PDFs of up to 10 MB; our API accepts bodies of a megabyte, of
which base64 takes a quarter.
"""

LOCKED = b"/Encrypt"  # in a PDF that needs a password
LARGEST = 700_000  # bytes
MOST = 20  # pending bills per account
KEPT_DAYS = 60  # for an unused bill: carriers want bills of the last 30 days
TYPES = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
}
ACCEPTED = f"{', '.join(TYPES)} up to {LARGEST // 1000} KB are accepted"


class BadDocument(ValueError):
    """A bill cannot be used; the message says why, what is accepted, and what to do."""

    def __init__(self, wrong: str, todo: str) -> None:
        super().__init__(f"{wrong}; {ACCEPTED}; {todo}")


def document_type(name: str, content: bytes) -> str:
    """The content type of a bill, if its content matches its extension. Raises BadDocument."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending not in TYPES:
        raise BadDocument(
            "is of another type, by the ending of its name", "scan it as one of these"
        )
    if not content:
        raise BadDocument("is empty", "choose the file again")
    if len(content) > LARGEST:
        raise BadDocument(f"has {len(content):,} bytes", "scan it at a lower resolution")
    kind, beginnings = TYPES[ending]
    if not content.startswith(beginnings):
        raise BadDocument(
            f"ends in .{ending} but its content is not {ending}", "save it again in that format"
        )
    if ending == "pdf" and LOCKED in content:
        raise BadDocument("is protected by a password", "save it again without one")
    return kind
