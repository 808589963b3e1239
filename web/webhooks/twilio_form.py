"""Reads Twilio's webhooks: a form or JSON, signed over the URL that it was sent to."""

import re
from collections.abc import Callable
from typing import TypeVar
from xml.sax.saxutils import escape

import falcon

from providers.twilio.signature import BadTwilioSignature, verify_form, verify_json
from rules.contact.channel_address import without_channel
from rules.storable import storable_text
from runtime.settings import get_settings
from web.http.body import read_raw
from web.http.problems import Problem

T = TypeVar("T")

ADDRESSES = ("From", "To")
# https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CAP = 64 * 1024  # bytes; a text with its fields has a few thousand


def escape_xml(text: str) -> str:
    """Escape a text for TwiML, and remove the characters that XML does not allow."""
    return escape(_NOT_IN_XML.sub("", text))


def signed_report(req: falcon.Request) -> dict[str, str]:
    """The text fields of a report signed by Twilio, JSON or form, as a database can store them.
    Raises Problem 403 for any other request.

    For JSON, Twilio signs the URL, which contains a digest of the body; it does not publish how it
    signs its reports on ports in particular.
    """
    if not (req.content_type or "").lower().startswith("application/json"):
        return signed_form(req)
    report = _signed(req, verify_json)
    return {name: storable_text(each) for name, each in report.items() if isinstance(each, str)}


def signed_form(req: falcon.Request) -> dict[str, str]:
    """The fields of a form signed by Twilio. Raises Problem 403 for any other request.

    Twilio signs the URL it was given, which is under PUBLIC_URL even if a proxy rewrites it. NUL
    characters are removed once the signature is verified: PostgreSQL cannot store them, and a STOP
    must not be lost over one. So is the channel before an address: a customer who says STOP over
    RCS is the one whom we text (`ChannelPrefix` still names the channel).
    """
    fields = _signed(req, verify_form)
    plain = {name.replace("\0", ""): value.replace("\0", "") for name, value in fields.items()}
    return plain | {name: without_channel(plain[name]) for name in ADDRESSES if name in plain}


def _signed(
    req: falcon.Request, verify: Callable[[bytes, str, str | None, tuple[str, ...]], T]
) -> T:
    """What `verify` returns for a request with a valid signature. Raises Problem 403."""
    settings = get_settings()
    url = f"{settings.public_url}{req.relative_uri}" if settings.public_url else req.url
    signature = req.get_header("X-Twilio-Signature")
    try:
        return verify(read_raw(req, CAP), url, signature, settings.twilio_auth_tokens)
    except BadTwilioSignature as error:
        raise Problem("webhook_not_signed", str(error)) from None
