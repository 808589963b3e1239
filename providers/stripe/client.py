"""Stripe's official SDK: the client, error mapping, and calls for payment links, refunds and
disputes. Plain values in and out.

The SDK retries nothing: the staged job does, with the same idempotency key. Without a key the SDK
makes up a random one, which would not survive a retry, so every POST is given one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import stripe

from providers.errors import ProviderError
from rules.storable import storable
from runtime.clock import real_now
from runtime.errors import Misconfigured
from runtime.settings import get_settings

# telemetry sends our metrics to Stripe, and writes an id into HOME, which may be read-only
stripe.enable_telemetry = False

TIMEOUT = (2.0, 7.0)  # connect, read: a call and a lookup of its outcome fit into a job's 20 s
PAGE = 100
# the version the SDK pins; the webhook endpoint should be created with the same
API_VERSION = str(stripe.api_version)
SERVER_ERROR = 500
NOT_FOUND = 404
MISSING = "resource_missing"  # Stripe's code for a 404, used even if the answer gives none

Json = dict[str, Any]

_REFUSED = (stripe.CardError, stripe.InvalidRequestError)
_MISCONFIGURED = (stripe.AuthenticationError, stripe.PermissionError)


@lru_cache(maxsize=1)
def client() -> stripe.StripeClient:
    """The SDK's client, with our timeouts and no retries of its own."""
    settings = get_settings()
    if not settings.stripe_secret_key:
        raise Misconfigured(
            "STRIPE_SECRET_KEY is not set; take it from the Stripe dashboard, Developers → API"
            " keys."
        )
    bases: Any = {"api": settings.stripe_api_base.rstrip("/")} if settings.stripe_api_base else {}
    connect, read = (
        settings.shortened(seconds, settings.payphone_provider_timeout) for seconds in TIMEOUT
    )
    return stripe.StripeClient(
        settings.stripe_secret_key,
        http_client=stripe.RequestsClient(timeout=(connect, read)),
        base_addresses=bases,
    )


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn the SDK's errors into ProviderError. Only a definite no is `refused`; no answer is
    `unknown`.

    A wrong API key says nothing about the work, so the work waits (`retry_later`) until a person
    has corrected the setting. An idempotency key already used for a different request says nothing
    either: the outcome of the earlier request is unknown, and the fault is ours.
    """
    try:
        yield
    except stripe.RateLimitError as error:
        raise ProviderError(
            "stripe", "retry_later", _text(error), "rate_limit", answered=True
        ) from error
    except _MISCONFIGURED as error:
        advice = "Check STRIPE_SECRET_KEY, and that the clinic's Stripe account is still connected."
        raise ProviderError(
            "stripe", "retry_later", _text(error), type(error).__name__, advice, answered=True
        ) from error
    except stripe.IdempotencyError as error:
        advice = (
            "A bug in Payphone: one idempotency key, two different requests. Look the effect up at"
            " Stripe and settle it."
        )
        raise ProviderError(
            "stripe", "unknown", _text(error), "idempotency_error", advice, answered=True, bug=True
        ) from error
    except _REFUSED as error:
        usual = MISSING if error.http_status == NOT_FOUND else type(error).__name__
        raise ProviderError(
            "stripe", "refused", _text(error), _code(error) or usual, answered=True
        ) from error
    except stripe.StripeError as error:
        # a gateway's page has no error object, and says nothing about the outcome
        answered = (error.http_status or 0) >= SERVER_ERROR and error.error is not None
        code = _code(error) or (f"http_{error.http_status}" if error.http_status else "no_answer")
        raise ProviderError("stripe", "unknown", _text(error), code, answered=answered) from error
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        # the SDK or `plain` could not parse the answer
        raise ProviderError(
            "stripe", "unknown", f"unexpected answer ({type(error).__name__})", "odd_answer"
        ) from error


def plain(answer: Any) -> Json:
    """Turn a Stripe object into plain values. Raises TypeError for an answer without an id, which
    cannot be Stripe's; call it inside `mapped_errors`.
    """
    document: Json = storable(answer.to_dict())
    if not isinstance(document.get("id"), str):
        raise TypeError("an answer without an id")
    return document


def _text(error: stripe.StripeError) -> str:
    """Stripe's error message; the error's type if the message is not text."""
    try:
        return str(error) or type(error).__name__
    except TypeError:
        return type(error).__name__


def _code(error: stripe.StripeError) -> str:
    """The decline code if there is one, else the error code. `error.error` is None if the answer
    was not JSON.
    """
    codes = (getattr(error.error, name, None) for name in ("decline_code", "code"))
    return next((code for code in codes if isinstance(code, str) and code), "")


def options(stripe_account: str, key: str = "") -> Any:
    """The options of one call: the connected account, and the idempotency key of a POST."""
    chosen = {"stripe_account": stripe_account} if stripe_account else {}
    return chosen | ({"idempotency_key": key} if key else {})


def create_payment_link(request: Json, stripe_account: str, key: str) -> Json:
    """Create a payment link; `request` is in the format of Stripe's API."""
    with mapped_errors():
        links = client().v1.payment_links
        made = links.create(request, options(stripe_account, key))  # type: ignore[arg-type]
        return plain(made)


def find_payment_link(attempt_id: str, stripe_account: str, older: str | None) -> Json | None:
    """Find the link that carries `attempt_id`, among those created after the link `older`, or among
    all. If Stripe does not know `older` (e.g. it was created in test mode), all links are searched.
    """
    newer: Any = {"ending_before": older} if older else {}
    try:
        with mapped_errors():
            links = (
                client()
                .v1.payment_links.list({"limit": PAGE} | newer, options(stripe_account))
                .auto_paging_iter()
            )
            return next((plain(link) for link in links if _tag(link) == attempt_id), None)
    except ProviderError as error:
        if older is None or error.code != MISSING:
            raise
    return find_payment_link(attempt_id, stripe_account, None)


def get_payment_link(link_id: str, stripe_account: str = "") -> Json:
    """Fetch a payment link in its current state."""
    with mapped_errors():
        return plain(client().v1.payment_links.retrieve(link_id, None, options(stripe_account)))


def create_refund(request: Json, stripe_account: str, key: str) -> Json:
    """Refund a payment; `request` is in the format of Stripe's API.

    If Stripe does not know the intent that took the money, our key belongs to another account; that
    does not refuse the refund, so it is `retry_later`.
    """
    try:
        with mapped_errors():
            refunds = client().v1.refunds
            made = refunds.create(request, options(stripe_account, key))  # type: ignore[arg-type]
            return plain(made)
    except ProviderError as error:
        if error.code != MISSING:
            raise
        advice = "Check that STRIPE_SECRET_KEY belongs to the account that took the payment."
        raise ProviderError(
            "stripe", "retry_later", str(error), error.code, advice, answered=True
        ) from error


def get_refund(refund_id: str, stripe_account: str = "") -> Json:
    """Fetch a refund in its current state."""
    with mapped_errors():
        return plain(client().v1.refunds.retrieve(refund_id, None, options(stripe_account)))


def find_refund(attempt_id: str, intent_id: str, stripe_account: str) -> Json | None:
    """Find the refund of `intent_id` that carries `attempt_id`."""
    return next(
        (
            refund
            for refund in list_refunds(intent_id, stripe_account)
            if (refund.get("metadata") or {}).get("attempt_id") == attempt_id
        ),
        None,
    )


def list_refunds(intent_id: str, stripe_account: str = "") -> list[Json]:
    """List every refund of an intent in its current state."""
    with mapped_errors():
        page = client().v1.refunds.list(
            {"payment_intent": intent_id, "limit": PAGE}, options(stripe_account)
        )
        return [plain(refund) for refund in page.auto_paging_iter()]


def get_dispute(dispute_id: str, stripe_account: str = "") -> Json:
    """Fetch a dispute in its current state; `asked_at` is the time just before the read, since when
    it may have changed.
    """
    asked_at = real_now()
    with mapped_errors():
        found = plain(client().v1.disputes.retrieve(dispute_id, None, options(stripe_account)))
    return found | {"asked_at": asked_at}


def _tag(subject: Any) -> str:
    metadata = subject.metadata.to_dict() if subject.metadata else {}
    return str(metadata.get("attempt_id", ""))
