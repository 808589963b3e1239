"""Requirements of payment endpoints, checked before their responders: HTTPS (F56), rate limits
(F57).

Requests are counted per API key (its hash, valid or not) and per client address, with IPv6
addresses grouped by /64 network.
"""

import hashlib
from functools import lru_cache

import falcon
from limits import RateLimitItem, parse

from runtime.errors import Misconfigured
from runtime.settings import Settings, get_settings
from runtime.start import describe
from runtime.trusted_proxies import trusted_proxies
from web.http.address import client_address, is_https, rate_limit_key
from web.http.guards.rate_limiter import RateLimiter
from web.http.pages import show_page
from web.http.problems import Problem

CARD_PAGE = "/card/{token}"
MONEY = (
    "/payment-links",
    "/card-forms",
    "/setup-intents",
    "/payment-method",
    "/payment-action",
    "/payment-action/done",
    "/deployments",  # this and the next charge the clinic's card
    "/retry",
    "/rollback",  # refunds
    "/work-items/{item_id}/resolve",  # may refund an overpayment
    "/phone/purchase",
)
# for people, who get pages instead of problem documents
PAGES = frozenset({"/p/{token}", CARD_PAGE, "/invoices/{invoice_id}/card"})


def is_payment_endpoint(req: falcon.Request) -> bool:
    """Whether this route is about money: `/api/payments…`, an invoice's payment links and card
    forms, refunds, a clinic's own card and what is charged to it, and pages for payers and staff.
    """
    return is_payment_route(req.uri_template or "")


def is_payment_route(route: str) -> bool:
    """As `is_payment_endpoint`, for a route's template."""
    starts = ("/api/payments/", f"{CARD_PAGE}/")
    return (
        route in PAGES
        or route == "/api/payments"
        or route.endswith(MONEY)
        or route.startswith(starts)
    )


def _is_page(req: falcon.Request) -> bool:
    return req.uri_template in PAGES and req.method in {"GET", "HEAD"}


def check_settings(settings: Settings) -> None:
    """Raises Misconfigured if TRUSTED_PROXIES or a rate is invalid; called at the start."""
    trusted_proxies()
    for name in ("rate_per_key", "rate_per_address"):
        rate = getattr(settings, name)
        try:
            _ = rate == "none" or _item(rate)
        except ValueError:
            raise Misconfigured(describe(name, rate)) from None


class PaymentGuard:
    """Requires HTTPS of every routed request about money, and limits its rate."""

    def __init__(self) -> None:
        self._counts = RateLimiter()
        check_settings(get_settings())

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        """Raises Problem 403 or 429. A page is redirected to HTTPS, or asks its reader to wait,
        instead.
        """
        if is_payment_endpoint(req):
            self._want_https(req)
            self._count(req, resp)

    def _want_https(self, req: falcon.Request) -> None:
        if get_settings().payphone_env != "production" or is_https(req):
            return
        if _is_page(req):
            public = get_settings().public_url
            raise falcon.HTTPPermanentRedirect(
                (public if public.startswith("https://") else f"https://{req.netloc}")
                + req.relative_uri
            )
        raise Problem(
            "https_required",
            "Payment endpoints require HTTPS. Replace any key that was sent without it.",
        )

    def _count(self, req: falcon.Request, resp: falcon.Response) -> None:
        for item, key in _counted(req):
            if not self._counts.hit(item, key):
                _refuse(req, resp, self._counts.seconds_left(item, key))
                return


def _refuse(req: falcon.Request, resp: falcon.Response, seconds: int) -> None:
    if not _is_page(req):
        raise Problem(
            "rate_limited",
            f"Too many payment requests. Try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )
    resp.status = falcon.HTTP_429
    resp.set_header("Retry-After", str(seconds))
    show_page(
        resp,
        "plain.html",
        title="Please wait a moment.",
        text="Too many requests came from your connection. Try again in a minute.",
    )
    resp.complete = True


def _counted(req: falcon.Request) -> list[tuple[RateLimitItem, str]]:
    settings, secret = get_settings(), (req.auth or "").partition(" ")[2].strip()
    counted = [(settings.rate_per_address, f"pay-address-{rate_limit_key(client_address(req))}")]
    if secret:
        counted.append(
            (settings.rate_per_key, f"pay-key-{hashlib.sha256(secret.encode()).hexdigest()[:32]}")
        )
    return [(_item(rate), key) for rate, key in counted if rate != "none"]


@lru_cache(maxsize=8)
def _item(rate: str) -> RateLimitItem:
    return parse(rate)
