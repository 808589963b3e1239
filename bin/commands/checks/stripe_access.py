"""Stripe: whether it takes the key, and lets it read each connected account's events. It is only
read.
"""

from collections.abc import Iterator

from bin.commands.checks.finding import Finding
from models.accounts.account import stripe_accounts
from providers.errors import ProviderError
from providers.stripe.lists import list_events
from runtime.clock import real_seconds
from runtime.settings import Settings

WHAT, CONNECTED = "Stripe", "connected accounts"
LATELY = 3600  # seconds
REFUSED = {
    "AuthenticationError": "does not take the key (401)",
    "PermissionError": "does not let the key read events (403)",
}
KEY = (
    "Check STRIPE_SECRET_KEY: rolled, or of another account? A restricted key needs Events: read."
    " No payment, link or refund is made until then."
)
AWAY = (
    "Look whether this machine may reach api.stripe.com, and at status.stripe.com. Payments and"
    " links wait meanwhile."
)
LEFT = (
    "Connect them anew, or take the Stripe account from a clinic that has left; until then their"
    " events are not read, nor is money taken."
)


def check_stripe(settings: Settings) -> Finding | None:
    """Whether Stripe answers, and takes the key; nothing without one, the settings complain of
    that.
    """
    if not settings.stripe_secret_key.startswith(("sk_", "rk_")):
        return None
    error = _read("")
    if error is None:
        return Finding("ok", WHAT, "answers, and takes the key")
    if error.code in REFUSED:
        return Finding("fail", WHAT, REFUSED[error.code], KEY)
    return Finding("fail", WHAT, f"no answer: {error.code}", AWAY)


def check_connected() -> Iterator[Finding]:
    """Whether the key may read each connected account. Needs the database, and a Stripe that takes
    the key.
    """
    connected, refused = [account for account in stripe_accounts() if account], []
    for account in connected:
        error = _read(account)
        if error is not None and error.code not in REFUSED:
            yield Finding("fail", CONNECTED, f"no answer for {account}: {error.code}", AWAY)
            return
        if error is not None:
            refused.append(account)
    if connected:
        found = (
            f"Stripe refuses {', '.join(refused)}" if refused else f"{len(connected)} can be read"
        )
        yield (
            Finding("fail", CONNECTED, found, LEFT) if refused else Finding("ok", CONNECTED, found)
        )


def _read(stripe_account: str) -> ProviderError | None:
    try:
        list_events(int(real_seconds()) - LATELY, "", stripe_account, limit=1)
    except ProviderError as error:
        return error
    return None
