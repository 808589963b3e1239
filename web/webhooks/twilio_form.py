"""Reading Twilio's webhooks: a form or JSON, signed over the URL it was sent to."""

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
CAP = 64 * 1024  # bytes; a text and its fields have a few


def in_xml(text: str) -> str:
    """A text as TwiML takes it: escaped, and without the characters that no XML may hold."""
    return escape(_NOT_IN_XML.sub("", text))


def signed_report(req: falcon.Request) -> dict[str, str]:
    """The texts of a report that Twilio signed, JSON or form, as a database keeps them. Raises
    Problem 403 for any other request.

    Of JSON Twilio signs the address, which has a digest of the body in it; how it signs its reports
    on ports in particular it does not publish.
    """
    if not (req.content_type or "").lower().startswith("application/json"):
        return signed_form(req)
    report = _signed(req, verify_json)
    return {name: storable_text(each) for name, each in report.items() if isinstance(each, str)}


def signed_form(req: falcon.Request) -> dict[str, str]:
    """The fields of a form that Twilio signed. Raises Problem 403 for any other request.

    Twilio signs the URL it was given, which is under PUBLIC_URL even if a proxy rewrites it. NUL
    characters are removed once the signature is verified: PostgreSQL cannot store them, and a STOP
    must not be lost over one. So is the channel before an address: whoever says STOP over RCS is
    the person whom we text (`ChannelPrefix` still tells the channel).
    """
    fields = _signed(req, verify_form)
    plain = {name.replace("\0", ""): value.replace("\0", "") for name, value in fields.items()}
    return plain | {name: without_channel(plain[name]) for name in ADDRESSES if name in plain}


def _signed(
    req: falcon.Request, verify: Callable[[bytes, str, str | None, tuple[str, ...]], T]
) -> T:
    """What `verify` reads of a request whose signature is good. Raises Problem 403."""
    settings = get_settings()
    url = f"{settings.public_url}{req.relative_uri}" if settings.public_url else req.url
    signature = req.get_header("X-Twilio-Signature")
    try:
        return verify(read_raw(req, CAP), url, signature, settings.twilio_auth_tokens)
    except BadTwilioSignature as error:
        raise Problem("webhook_not_signed", str(error)) from None
