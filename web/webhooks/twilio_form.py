"""Reading Twilio's webhooks: a form or JSON, signed over the URL it was sent to."""

from typing import Any

import falcon

from providers.twilio.signature import BadTwilioSignature, verify_form, verify_json
from rules.contact.channel_address import without_channel
from runtime.settings import get_settings
from web.http.body import read_raw
from web.http.problems import Problem

ADDRESSES = ("From", "To")
CAP = 64 * 1024  # bytes; a text and its fields have a few


def signed_report(req: falcon.Request) -> dict[str, Any]:
    """The fields of a report that Twilio signed, JSON or form. Raises Problem 403 for any other
    request.

    Of JSON Twilio signs the address, which has a digest of the body in it; how it signs its reports
    on ports in particular it does not publish.
    """
    if not (req.content_type or "").lower().startswith("application/json"):
        return dict(signed_form(req))
    settings = get_settings()
    url = f"{settings.public_url}{req.relative_uri}" if settings.public_url else req.url
    try:
        return verify_json(
            read_raw(req, CAP),
            url,
            req.get_header("X-Twilio-Signature"),
            settings.twilio_auth_tokens,
        )
    except BadTwilioSignature as error:
        raise Problem("webhook_not_signed", str(error)) from None


def signed_form(req: falcon.Request) -> dict[str, str]:
    """The fields of a form that Twilio signed. Raises Problem 403 for any other request.

    Twilio signs the URL it was given, which is under PUBLIC_URL even if a proxy rewrites it. NUL
    characters are removed once the signature is verified: PostgreSQL cannot store them, and a STOP
    must not be lost over one. So is the channel before an address: whoever says STOP over RCS is
    the person whom we text (`ChannelPrefix` still tells the channel).
    """
    settings = get_settings()
    url = f"{settings.public_url}{req.relative_uri}" if settings.public_url else req.url
    try:
        fields = verify_form(
            read_raw(req, CAP),
            url,
            req.get_header("X-Twilio-Signature"),
            settings.twilio_auth_tokens,
        )
    except BadTwilioSignature as error:
        raise Problem("webhook_not_signed", str(error)) from None
    plain = {name.replace("\0", ""): value.replace("\0", "") for name, value in fields.items()}
    return plain | {name: without_channel(plain[name]) for name in ADDRESSES if name in plain}
