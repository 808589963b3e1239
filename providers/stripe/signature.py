"""Stripe's webhook signature, checked by Stripe's own verifier over the raw body."""

import re

import stripe

from runtime.errors import PayphoneError

TOLERANCE = 300  # seconds, both ways


class BadSignature(PayphoneError):
    """The request was not signed by Stripe with one of our secrets, or not lately."""


def verify_signature(raw: bytes, header: str | None, secrets: tuple[str, ...], now: float) -> str:
    """The body as text once its signature holds under any of `secrets` (several while one is
    rolled).

    Stripe's verifier refuses old timestamps only, so one from the future is refused here. Raises
    BadSignature.
    """
    header = _checked(header, now)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadSignature("The body is not UTF-8.") from None
    for secret in secrets:
        try:
            if stripe.WebhookSignature.verify_header(text, header, secret, TOLERANCE):
                return text
        except stripe.SignatureVerificationError:
            continue
    raise BadSignature("No signature matches the webhook secret, or it is more than 300 s old.")


def _checked(header: str | None, now: float) -> str:
    """The header, if it may be shown to Stripe's verifier and is not from the future."""
    if not header:
        raise BadSignature("The Stripe-Signature header is missing.")
    if not header.isascii():  # the verifier's comparison would raise
        raise BadSignature("The Stripe-Signature header is not ASCII.")
    stamp = re.search(r"(?:^|,)\s*t=(\d{1,12})(?:,|$)", header)
    if stamp is None:
        raise BadSignature("The Stripe-Signature header has no timestamp.")
    if int(stamp[1]) > now + TOLERANCE:
        raise BadSignature("The signature's timestamp lies in the future; check both clocks.")
    return header


def sign(payload: str, secret: str, timestamp: int) -> str:
    """A `Stripe-Signature` header, as Stripe makes it."""
    return str(
        stripe.WebhookSignature.generate_signature_header(payload, secret, timestamp=timestamp)
    )
