"""What an API key allows: a secret key everything, a publishable key what a payer's browser does.

Card numbers are only accepted from the stand-in's own card fields, as Stripe accepts them only from
Elements: neither a server nor another site's page can send one.
"""

from base64 import b64decode
from contextlib import suppress

from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.exchange import Request

PUBLISHABLE = "pk_test_"
SECRET = ("sk_test_", "rk_test_")
# creating a payment method only: the stand-in does not confirm from the browser
OPEN_TO_PAGES = {("POST", "/v1/payment_methods")}


def check_key(request: Request) -> None:
    """Refuse a request without a key, or with a key that does not allow it."""
    key = key_of(request)
    if not key:
        raise ApiError(
            401,
            "You did not provide an API key: send it as 'Authorization: Bearer YOUR_SECRET_KEY'.",
            kept=False,
        )
    if key.startswith(PUBLISHABLE) and (request.method, request.path) not in OPEN_TO_PAGES:
        message = (
            "This API call cannot be made with a publishable API key. Please use a secret API key."
        )
        raise ApiError(401, message, code="secret_key_required", kept=False)
    if not key.startswith((PUBLISHABLE, *SECRET)):
        raise ApiError(
            401, "Invalid API Key provided: the stand-in takes test keys only.", kept=False
        )


def key_of(request: Request) -> str:
    """Return the request's key, sent as a bearer token or basic user name, or an empty string."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):  # not base64, or not UTF-8
            return b64decode(key, validate=True).decode().partition(":")[0]
    return key if scheme.lower() == "bearer" else ""


def refuse_raw_card(request: Request, given: Json, home: str) -> None:
    """Refuse card numbers unless they come from our own card fields, served at ``home``."""
    card = given.get("card")
    if request.path != "/v1/payment_methods" or not isinstance(card, dict) or "number" not in card:
        return
    if not key_of(request).startswith(PUBLISHABLE):
        raise ApiError(
            402,
            "Sending credit card numbers directly to the Stripe API is generally unsafe. Collect"
            " them with Elements.",
            kept=False,
        )
    if request.headers.get("origin") != home:
        raise ApiError(
            400,
            "This integration surface is unsupported for publishable key tokenization. Collect"
            " cards with Elements.",
            kept=False,
        )
