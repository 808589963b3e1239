"""Stripe: whether it accepts the key, lets it read each connected account's events, and sends us
the events that we expect. Read-only.
"""

from collections.abc import Iterator

from bin.commands.checks.finding import Finding, Level
from models.accounts.account import stripe_accounts
from providers.errors import ProviderError
from providers.stripe.client import API_VERSION, Json
from providers.stripe.lists import list_events, list_webhook_endpoints
from rules.stripe_event_types import CARD_EVENTS, SUBSCRIBED
from rules.stripe_mode import mode_of_event, mode_of_key
from runtime.clock import real_seconds
from runtime.settings import Settings

WHAT, CONNECTED = "Stripe", "connected accounts"
ENDPOINTS = "webhook endpoints"
CONNECT = "/api/webhooks/stripe/connect"
PLATFORM = "webhook endpoint"
DOORS = {PLATFORM: "/api/webhooks/stripe", "Connect endpoint": CONNECT}
LATELY = 3600  # seconds
REFUSED = {
    "AuthenticationError": "rejects the key (401)",
    "PermissionError": "does not let the key read events (403)",
}
KEY = (
    "Check STRIPE_SECRET_KEY: rolled, or another account's? A restricted key needs Events: read."
    " No payment, link or refund is made until then."
)
AWAY = (
    "Check that this machine can reach api.stripe.com, and see status.stripe.com. Payments and"
    " links wait until then."
)
LEFT = (
    "Connect them again, or remove the Stripe account of a clinic that has left; until then their"
    " events are not read and no money is taken."
)
UNLISTED = (
    "A restricted key needs Webhook Endpoints: read. Or check in Stripe's dashboard yourself: mode,"
    f" API version {API_VERSION}, events, snapshot payloads."
)
MAKE = (
    f"Create an endpoint in our key's mode with API version {API_VERSION} (Stripe does not change"
    " an endpoint's version), snapshot payloads and the events that docs/operations/books.md lists;"
    " set its whsec_…; delete the old one."
)


def check_stripe(settings: Settings) -> Finding | None:
    """Check that Stripe answers and accepts the key. None without a key, which `check_settings`
    reports.
    """
    if not settings.stripe_secret_key.startswith(("sk_", "rk_")):
        return None
    error = _read("")
    if error is None:
        return Finding("ok", WHAT, "answers, and accepts the key")
    if error.code in REFUSED:
        return Finding("fail", WHAT, REFUSED[error.code], KEY)
    return Finding("fail", WHAT, f"no answer: {error.code}", AWAY)


def check_connected() -> Iterator[Finding]:
    """Check that the key can read each connected account. Needs the database, and a key that Stripe
    accepts.
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


def check_endpoints(settings: Settings) -> Iterator[Finding]:
    """Check that Stripe sends our webhook URLs all events that we process, in our mode and API
    version. Needs the database, and a key that Stripe accepts.
    """
    is_local = settings.payphone_env != "production"
    if not settings.public_url.startswith("https://") and not (settings.public_url and is_local):
        return  # `check_settings` reports that
    try:
        endpoints = list_webhook_endpoints()
    except ProviderError as error:
        advice = UNLISTED if error.code in REFUSED else AWAY
        yield Finding("warn", ENDPOINTS, f"cannot be listed: {error.code}", advice)
        return
    mode = mode_of_key(settings.stripe_secret_key)
    for what, path in DOORS.items():
        if path == CONNECT and not any(stripe_accounts()):
            continue
        url = settings.public_url + path
        yield _judged(what, url, [row for row in endpoints if _url_of(row) == url], mode)


def _judged(what: str, url: str, endpoints: list[Json], mode: str) -> Finding:
    """Judge the endpoints that send to one of our URLs; each of them must be right."""
    if not endpoints:
        return Finding("warn", what, f"none in {mode} mode sends to {url}", MAKE)
    wrong = [
        (level, f"{row.get('id')}: {found}")
        for row in endpoints
        for level, found in _wrong_with(row, mode, what)
    ]
    if not wrong:
        return Finding("ok", what, f"{mode or 'some'} mode, {API_VERSION}")
    worst: Level = "fail" if any(level == "fail" for level, _ in wrong) else "warn"
    return Finding(worst, what, "; ".join(found for _, found in wrong), MAKE)


def _url_of(endpoint: Json) -> str:
    return str(endpoint.get("url")).rstrip("/")


def _wrong_with(endpoint: Json, mode: str, what: str) -> Iterator[tuple[Level, str]]:
    """Yield what is wrong with a webhook endpoint that sends to us, with its level."""
    theirs = mode_of_event(endpoint) or "no"
    enabled = endpoint.get("enabled_events") or []
    if str(endpoint.get("url")).endswith("/"):
        yield "fail", "its URL ends in a slash; its events are answered 404"
    wanted = (*SUBSCRIBED, *(CARD_EVENTS if what == PLATFORM else ()))
    missing = [] if "*" in enabled else [name for name in wanted if name not in enabled]
    version = endpoint.get("api_version")
    if mode and theirs != mode:
        yield "fail", f"it is in {theirs} mode, our key in {mode} mode; its events are refused"
    if endpoint.get("status") != "enabled":
        yield "fail", "it is disabled; only the hourly backfill brings events"
    if missing:
        yield "fail", f"it is not sent {', '.join(missing)}"
    if version != API_VERSION:
        rendered = version or "the account's default version"
        yield "warn", f"its events are rendered in {rendered}, but we read {API_VERSION}"


def _read(stripe_account: str) -> ProviderError | None:
    try:
        list_events(int(real_seconds()) - LATELY, "", stripe_account, limit=1)
    except ProviderError as error:
        return error
    return None
