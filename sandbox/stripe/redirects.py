"""Whether a server's confirmation can use payment methods that redirect."""

from sandbox.stripe.errors import Json, invalid


def automatic(params: Json) -> Json | None:
    """Return how payment methods are chosen: automatically, unless a list is allowed."""
    if "allowed_payment_method_types" in params:
        return None
    return {
        "allow_redirects": "always",
        "enabled": True,
        **params.get("automatic_payment_methods", {}),
    }


def check(chosen: Json | None, params: Json) -> None:
    """Refuse a confirmation that could redirect but gives no ``return_url``."""
    redirects = chosen and chosen["enabled"] and chosen["allow_redirects"] == "always"
    if redirects and not params.get("return_url"):
        raise invalid(
            "This intent accepts methods that redirect: give a return_url, or set"
            " automatic_payment_methods[allow_redirects] to never.",
            param="return_url",
        )
