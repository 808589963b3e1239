"""Verify Stripe's webhook signature with Stripe's own verifier, over the raw body."""

import re

from stripe import SignatureVerificationError, WebhookSignature

from runtime.errors import PayphoneError

TOLERANCE = 300  # seconds, into the past and the future
_STAMP = re.compile(r"(?:^|,)\s*t=(\d{1,12})(?:,|$)")


class BadSignature(PayphoneError):
    """The request was not signed by Stripe with one of our secrets, or its timestamp is out of
    tolerance.
    """


def verify_signature(raw: bytes, header: str | None, secrets: tuple[str, ...], now: float) -> str:
    """Return the body as text if its signature is valid under any of `secrets` (there are several
    while one is being rotated).

    Stripe's verifier rejects only old timestamps, so one from the future is rejected here. Raises
    BadSignature.
    """
    header = _checked_header(header, now)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadSignature("The body is not UTF-8.") from None
    for secret in secrets:
        try:
            if WebhookSignature.verify_header(text, header, secret, TOLERANCE):
                return text
        except SignatureVerificationError:
            continue
    raise BadSignature(_mismatch_reason(header, secrets, now))


def _mismatch_reason(header: str, secrets: tuple[str, ...], now: float) -> str:
    """Say why none of `secrets` matched, the likeliest cause first."""
    if not secrets:
        return "No webhook secret is set for this endpoint."
    stamp = _STAMP.search(header)
    if stamp and int(stamp[1]) < now - TOLERANCE:
        return f"The signature is more than {TOLERANCE} s old; check both clocks."
    return "No signature matches the webhook secret."


def _checked_header(header: str | None, now: float) -> str:
    """Return the header if Stripe's verifier can parse it and it is not from the future."""
    if not header:
        raise BadSignature("The Stripe-Signature header is missing.")
    if not header.isascii():  # the verifier's comparison would raise
        raise BadSignature("The Stripe-Signature header is not ASCII.")
    stamp = _STAMP.search(header)
    if stamp is None:
        raise BadSignature("The Stripe-Signature header has no timestamp.")
    if int(stamp[1]) > now + TOLERANCE:
        raise BadSignature("The signature's timestamp lies in the future; check both clocks.")
    return header


def sign(payload: str, secret: str, timestamp: int) -> str:
    """Build a `Stripe-Signature` header as Stripe does."""
    return str(WebhookSignature.generate_signature_header(payload, secret, timestamp=timestamp))
