"""Stripe's official SDK: the client, its errors, and calls on links, refunds and disputes; plain
values in and out.

The SDK retries nothing: the staged job does, with the same key. A key that is random would not
survive a retry, so every POST is given one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import stripe

from providers.errors import ProviderError
from runtime.errors import Misconfigured
from runtime.settings import get_settings

# it sends figures of ours to Stripe, and writes an id into HOME, which may be read-only
stripe.enable_telemetry = False

TIMEOUT = (2.0, 7.0)  # connect, read: a call and a look at what came of it fit into a job's 20 s
PAGE = 100
# what the SDK asks for, and so what the webhook endpoint should be made with
API_VERSION = str(stripe.api_version)
SERVER_ERROR = 500

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
    """Turn the SDK's errors into ProviderError. Only a definite no is `refused`; silence is
    `unknown`.

    A wrong key is no verdict on the work: it waits (`retry_later`) until a person has mended the
    setting. Neither is a key used for another request before: what came of that one is unknown, and
    the fault is ours.
    """
    try:
        yield
    except stripe.RateLimitError as error:
        raise ProviderError(
            "stripe", "retry_later", str(error), "rate_limit", answered=True
        ) from error
    except _MISCONFIGURED as error:
        advice = "Check STRIPE_SECRET_KEY, and that the clinic's Stripe account is still connected."
        raise ProviderError(
            "stripe", "retry_later", str(error), type(error).__name__, advice, answered=True
        ) from error
    except stripe.IdempotencyError as error:
        advice = (
            "A bug in Payphone: one idempotency key, two different requests. Look the effect up at"
            " Stripe and settle it."
        )
        raise ProviderError(
            "stripe", "unknown", str(error), "idempotency_error", advice, answered=True, bug=True
        ) from error
    except _REFUSED as error:
        raise ProviderError(
            "stripe", "refused", str(error), _code(error) or type(error).__name__, answered=True
        ) from error
    except stripe.StripeError as error:
        # a gateway's page has none, and tells nothing
        answered = (error.http_status or 0) >= SERVER_ERROR and error.error is not None
        code = _code(error) or (f"http_{error.http_status}" if error.http_status else "no_answer")
        raise ProviderError(
            "stripe", "unknown", str(error) or type(error).__name__, code, answered=answered
        ) from error


def _code(error: stripe.StripeError) -> str:
    """The decline code where there is one, else the error's code; `error.error` is None without a
    JSON answer.
    """
    return getattr(error.error, "decline_code", None) or getattr(error.error, "code", None) or ""


def options(stripe_account: str, key: str = "") -> Any:
    """The options of one call: whose account, and the idempotency key of a POST."""
    chosen = {"stripe_account": stripe_account} if stripe_account else {}
    return chosen | ({"idempotency_key": key} if key else {})


def create_payment_link(request: Json, stripe_account: str, key: str) -> Json:
    """Make a payment link; `request` as Stripe's API takes it."""
    with mapped_errors():
        links = client().v1.payment_links
        made = links.create(request, options(stripe_account, key))  # type: ignore[arg-type]
        return made.to_dict()


def find_payment_link(attempt_id: str, stripe_account: str, older: str | None) -> Json | None:
    """The link that carries `attempt_id`, if there is one among those made after the link `older`
    (or among all).

    An `older` that Stripe does not know (it was made in test mode, say) is no reason to find
    nothing.
    """
    newer: Any = {"ending_before": older} if older else {}
    try:
        with mapped_errors():
            links = (
                client()
                .v1.payment_links.list({"limit": PAGE} | newer, options(stripe_account))
                .auto_paging_iter()
            )
            return next((link.to_dict() for link in links if _tag(link) == attempt_id), None)
    except ProviderError as error:
        if older is None or error.code != "resource_missing":
            raise
    return find_payment_link(attempt_id, stripe_account, None)


def get_payment_link(link_id: str, stripe_account: str = "") -> Json:
    """A payment link in its present state."""
    with mapped_errors():
        return client().v1.payment_links.retrieve(link_id, None, options(stripe_account)).to_dict()


def create_refund(request: Json, stripe_account: str, key: str) -> Json:
    """Give money back; `request` as Stripe's API takes it.

    An intent that took the money and is not there means a key of another account: that is no
    verdict on the refund.
    """
    try:
        with mapped_errors():
            refunds = client().v1.refunds
            made = refunds.create(request, options(stripe_account, key))  # type: ignore[arg-type]
            return made.to_dict()
    except ProviderError as error:
        if error.code != "resource_missing":
            raise
        advice = "Check that STRIPE_SECRET_KEY belongs to the account that took the payment."
        raise ProviderError(
            "stripe", "retry_later", str(error), error.code, advice, answered=True
        ) from error


def get_refund(refund_id: str, stripe_account: str = "") -> Json:
    """A refund in its present state."""
    with mapped_errors():
        return client().v1.refunds.retrieve(refund_id, None, options(stripe_account)).to_dict()


def find_refund(attempt_id: str, intent_id: str, stripe_account: str) -> Json | None:
    """The refund of `intent_id` that carries `attempt_id`, if there is one."""
    return next(
        (
            refund
            for refund in list_refunds(intent_id, stripe_account)
            if (refund.get("metadata") or {}).get("attempt_id") == attempt_id
        ),
        None,
    )


def list_refunds(intent_id: str, stripe_account: str = "") -> list[Json]:
    """Every refund of an intent, as Stripe reports them now."""
    with mapped_errors():
        page = client().v1.refunds.list(
            {"payment_intent": intent_id, "limit": PAGE}, options(stripe_account)
        )
        return [refund.to_dict() for refund in page.auto_paging_iter()]


def get_dispute(dispute_id: str, stripe_account: str = "") -> Json:
    """A dispute in its present state."""
    with mapped_errors():
        return client().v1.disputes.retrieve(dispute_id, None, options(stripe_account)).to_dict()


def _tag(subject: Any) -> str:
    metadata = subject.metadata.to_dict() if subject.metadata else {}
    return str(metadata.get("attempt_id", ""))
