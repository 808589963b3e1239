"""Integrations: whether providers are set up, and which credentials have expired."""

from collections.abc import Iterator

from actions.integrations.connect import CALLBACK
from actions.integrations.connectors import connectors_of_file
from actions.integrations.credentials import opened
from bin.commands.checks.finding import Finding
from models.integrations.integration import Integration
from runtime.errors import Misconfigured
from runtime.settings import Settings, get_settings

REGISTER = (
    "Register {address} as a redirect URI at Google Cloud, and publish the app: while it is in"
    " Testing, every consent ends after 7 days."
)
SHOWN = 5
AGAIN = (
    "The clinics were notified (`integration.expired`) and must connect again; their receptionists"
    " work without it. If all of one provider's expired together, check that provider."
)
SET_IT = (
    "Copy it from Open Dental's developer portal; until then their receptionists offer no free"
    " times. Or have each clinic connect with a developerKey of its own."
)
UNTOLD = "See `bin/payphone jobs list --state dead` and docs/integrations.md."


def check_providers(settings: Settings) -> Iterator[Finding]:
    """Check the settings of the providers that clinics connect."""
    both = bool(settings.google_client_id), bool(settings.google_client_secret)
    if any(both) and not all(both):
        name = "GOOGLE_CLIENT_SECRET" if both[0] else "GOOGLE_CLIENT_ID"
        yield Finding("fail", name, "not set", "Copy it from Google Cloud, next to the other one.")
    elif all(both) and not settings.public_url.startswith("https://"):
        advice = REGISTER.format(address=f"PUBLIC_URL{CALLBACK}")
        yield Finding("warn", "Google Calendar", "PUBLIC_URL is not an https:// URL", advice)
    elif all(both):
        found = f"redirects to {settings.public_url}{CALLBACK}"
        yield Finding("ok", "Google Calendar", found)
    else:
        yield Finding("ok", "Google Calendar", "not set up: no clinic connects it")
    if settings.oauth_providers:
        yield _file(settings.oauth_providers)
    own = settings.open_dental_developer_key
    found = "our developer key is set" if own else "no developer key: each clinic gives its own"
    yield Finding("ok", "Open Dental", found)


def _file(path: str) -> Finding:
    try:
        names = [provider.name for provider in connectors_of_file(path)]
    except Misconfigured as error:
        return Finding("fail", "OAUTH_PROVIDERS", str(error), "Correct it, and restart web.")
    return Finding("ok", "OAUTH_PROVIDERS", f"names {', '.join(names) or 'no provider'}")


def check_integrations() -> Iterator[Finding]:
    """Check for expired credentials, and for revocations that have not reached their provider."""
    expired = Integration.all("current AND state = 'expired' ORDER BY id")
    if expired:
        first = ", ".join(f"{row.provider} of {row.account_id}" for row in expired[:SHOWN])
        yield Finding("warn", "integrations", f"{len(expired)} expired: {first}", AGAIN)
    untold = [row for row in Integration.with_secrets() if row.to_be_revoked]
    if untold:
        found = f"{len(untold)} disconnected, but not yet revoked at the provider"
        yield Finding("warn", "integrations", found, UNTOLD)
    lacking = [] if get_settings().open_dental_developer_key else _without_own_key()
    if lacking:
        named = ", ".join(lacking[:SHOWN])
        found = f"not set, but {len(lacking)} clinics are connected with it: {named}"
        yield Finding("fail", "OPEN_DENTAL_DEVELOPER_KEY", found, SET_IT)
    if not expired and not untold:
        yield Finding("ok", "integrations", "none has expired")


def _without_own_key() -> list[str]:
    """Return the accounts whose Open Dental is read with our developer key."""
    rows = Integration.all("provider = 'open_dental' AND current ORDER BY id")
    try:
        return [row.account_id for row in rows if "developerKey" not in opened(row)]
    except Misconfigured:  # sealed under a lost key, which another check reports
        return []
