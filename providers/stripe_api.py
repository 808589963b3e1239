"""Stripe: every call we make, through the official SDK; plain values in, plain values out.

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

TIMEOUT = (3.0, 8.0)  # connect, read: below every job's timeout
PAGE = 100

_RETRY_LATER = (stripe.RateLimitError,)
_REFUSED = (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError, stripe.AuthenticationError, stripe.PermissionError)


@lru_cache(maxsize=1)
def _client() -> stripe.StripeClient:
    settings = get_settings()
    if not settings.stripe_secret_key:
        raise Misconfigured("STRIPE_SECRET_KEY is not set; take it from the Stripe dashboard, Developers → API keys.")
    bases: Any = {"api": settings.stripe_api_base.rstrip("/")} if settings.stripe_api_base else {}
    return stripe.StripeClient(settings.stripe_secret_key, http_client=stripe.RequestsClient(timeout=TIMEOUT), base_addresses=bases)


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn the SDK's errors into ProviderError. Only a definite no is `refused`; silence is `unknown`."""
    try:
        yield
    except _RETRY_LATER as error:
        raise ProviderError("stripe", "retry_later", str(error), "rate_limit") from error
    except _REFUSED as error:
        code = getattr(error.error, "code", None) or type(error).__name__
        raise ProviderError("stripe", "refused", str(error), code) from error
    except stripe.StripeError as error:
        raise ProviderError("stripe", "unknown", str(error) or type(error).__name__, getattr(error.error, "code", None) or "") from error


def _options(stripe_account: str, key: str = "") -> Any:
    options = {"stripe_account": stripe_account} if stripe_account else {}
    return options | ({"idempotency_key": key} if key else {})


def list_refunds(intent_id: str, stripe_account: str = "") -> list[dict[str, Any]]:
    """Every refund of an intent, as Stripe reports them now."""
    with mapped_errors():
        page = _client().v1.refunds.list({"payment_intent": intent_id, "limit": PAGE}, _options(stripe_account))
        return [refund.to_dict() for refund in page.auto_paging_iter()]
