"""Stripe.js: its URL, and the sources that a page using it must allow.

It always comes from Stripe's own host, in the release for the API version that the SDK pins:
serving our own copy would bring the page into PCI DSS scope. The exception is STRIPE_API_BASE,
which points at a stand-in.
"""

from dataclasses import dataclass

from runtime.settings import get_settings

RELEASE = "endive"
STRIPE = "https://js.stripe.com"


@dataclass(frozen=True, slots=True)
class StripeJs:
    """The script's URL, and the sources for a Content-Security-Policy
    (docs.stripe.com/security/guide).
    """

    script: str
    script_sources: str
    frame_sources: str
    connect_sources: str


def stripe_js() -> StripeJs:
    """Stripe's own script, or the stand-in's if STRIPE_API_BASE is set."""
    base = get_settings().stripe_api_base.rstrip("/")
    if base:
        return StripeJs(f"{base}/{RELEASE}/stripe.js", base, base, base)
    scripts = f"{STRIPE} https://*.js.stripe.com"
    return StripeJs(
        f"{STRIPE}/{RELEASE}/stripe.js",
        scripts,
        f"{scripts} https://hooks.stripe.com",
        "https://api.stripe.com",
    )
