"""Stripe.js: where a browser gets it, and what a page that uses it has to let it reach.

It always comes from Stripe's own address, in the release of the API version that the SDK pins: a
copy of ours would bring the page into the scope of PCI DSS. Only STRIPE_API_BASE, for a stand-in,
leads elsewhere.
"""

from dataclasses import dataclass

from runtime.settings import get_settings

RELEASE = "endive"
STRIPE = "https://js.stripe.com"


@dataclass(frozen=True, slots=True)
class StripeJs:
    """The script, and the sources for a Content-Security-Policy
    (docs.stripe.com/security/guide).
    """

    script: str
    script_sources: str
    frame_sources: str
    connect_sources: str


def stripe_js() -> StripeJs:
    """Stripe's own, or the stand-in's when STRIPE_API_BASE names one."""
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
