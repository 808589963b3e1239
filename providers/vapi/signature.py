"""Verify that a request comes from Vapi: by our secret in a header, a bearer token, or an HMAC.

Vapi authenticates with whatever its `server` was configured with: `X-Vapi-Secret` as we deploy it,
`Authorization: Bearer` from a credential, or a signature over timestamp and body.
https://docs.vapi.ai/server-url/server-authentication
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import timedelta

from providers.vapi.redaction import HEADER
from runtime.errors import PayphoneError

SIGNATURE, TIMESTAMP = "X-Signature", "X-Timestamp"
TOLERANCE = timedelta(minutes=5).total_seconds()
# a timestamp above this is in milliseconds; Vapi does not document the unit
_MILLISECONDS = 10_000_000_000
_BEARER = "bearer "


class BadVapiSignature(PayphoneError):
    """The request does not prove that it comes from Vapi."""


def verify_request(
    raw: bytes, header: Callable[[str], str | None], secrets: tuple[str, ...], now: float
) -> None:
    """Raise BadVapiSignature unless a header proves that the request comes from Vapi, with any of
    `secrets`. `header` returns a header's value by name; `now` is in epoch seconds.
    """
    if not secrets:
        raise BadVapiSignature(
            "VAPI_WEBHOOK_SECRET is not set, so no request can be authenticated."
        )
    signature = header(SIGNATURE)
    if signature:
        _verify_signature(raw, signature, header(TIMESTAMP) or "", secrets, now)
        return
    candidates = [header(HEADER) or "", _bearer(header("Authorization") or "")]
    if not any(candidates):
        raise BadVapiSignature(
            f"Neither {HEADER}, a bearer token nor {SIGNATURE} was sent; deploy again, or give the"
            " server at Vapi our VAPI_WEBHOOK_SECRET."
        )
    if not any(_matches(given, secret) for given in candidates for secret in secrets):
        raise BadVapiSignature(
            "The secret is not ours; check VAPI_WEBHOOK_SECRET and deploy again."
        )


def _verify_signature(
    raw: bytes, signature: str, timestamp: str, secrets: Iterable[str], now: float
) -> None:
    """Check an HMAC-SHA256 of `{timestamp}.{body}`, in hex, which is Vapi's default scheme."""
    try:
        at = float(timestamp)
    except ValueError:
        raise BadVapiSignature(f"{TIMESTAMP} is missing, or is not a time.") from None
    seconds = at / 1000 if abs(at) > _MILLISECONDS else at
    if not abs(now - seconds) <= TOLERANCE:  # also for NaN
        raise BadVapiSignature(
            "The request was signed more than five minutes ago, or in the future."
        )
    given = signature.strip().removeprefix("sha256=").lower()
    signed = timestamp.encode() + b"." + raw
    if not any(
        _matches(given, hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest())
        for secret in secrets
    ):
        raise BadVapiSignature("The signature does not match; check VAPI_WEBHOOK_SECRET.")


def _bearer(authorization: str) -> str:
    is_bearer = authorization.lower().startswith(_BEARER)
    return authorization[len(_BEARER) :].strip() if is_bearer else ""


def _matches(given: str, secret: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), secret.encode())
