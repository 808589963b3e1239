"""All connectors: Google Calendar, Open Dental, NexHealth, and the OAUTH_PROVIDERS file's."""

import tomllib
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from actions.integrations.connector import Connector, Credential, Period, Values
from providers.errors import ProviderError
from providers.google import calendar
from providers.nexhealth import slots as nexhealth
from providers.oauth import authorization
from providers.open_dental import slots as open_dental
from rules.integrations.oauth_providers import BadProvider, OAuthProvider, read_providers
from rules.integrations.opening_hours import Span
from runtime.clock import business_now, real_now
from runtime.errors import Misconfigured, Refused
from runtime.settings import get_settings

OPEN_DENTAL_KEYS = ("developerKey", "customerKey")
NO_DEVELOPER_KEY = (
    "OPEN_DENTAL_DEVELOPER_KEY is not set, and no developerKey was given with the customerKey; copy"
    " it from Open Dental's developer portal."
)


def connectors() -> dict[str, Connector]:
    """Return all connectors by name, in display order. Raises Misconfigured for an invalid file."""
    return BUILT_IN | {
        each.name: _oauth_connector(each)
        for each in connectors_of_file(get_settings().oauth_providers)
    }


def find_connector(name: str) -> Connector | None:
    """Return the connector of this name, if any. Built-in ones do not depend on the file; raises
    Misconfigured for the others.
    """
    return BUILT_IN.get(name) or connectors().get(name)


def connector_of(name: str) -> Connector:
    """Return the connector of this name. Raises Refused `not_found`; Misconfigured."""
    connector = find_connector(name)
    if connector is None:
        raise Refused(
            "not_found", f"There is no provider {name[:40]}. There are: {', '.join(connectors())}."
        )
    return connector


@lru_cache(maxsize=4)
def connectors_of_file(path: str) -> tuple[OAuthProvider, ...]:
    """Return the providers in the file at `path`; none without a path. Raises Misconfigured."""
    if not path:
        return ()
    try:
        document = tomllib.loads(Path(path).read_text("utf-8"))
        return tuple(read_providers(document, frozenset(BUILT_IN)))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"OAUTH_PROVIDERS names {path}, which cannot be read: {type(error).__name__}. Name a"
            " TOML file."
        ) from None
    except (tomllib.TOMLDecodeError, BadProvider) as error:
        raise Misconfigured(f"OAUTH_PROVIDERS: {path}: {error}.") from None


def credential_of(tokens: authorization.Tokens, kept: str = "") -> Credential:
    """Return tokens as a credential; without a new refresh token, the `kept` one stays."""
    expires_at = None if tokens.lasts is None else real_now() + timedelta(seconds=tokens.lasts)
    return Credential({"access": tokens.access, "refresh": tokens.refresh or kept}, expires_at)


def _oauth_connector(provider: OAuthProvider) -> Connector:
    def check(values: Values) -> str:
        authorization.verify(provider, values["access"])
        return provider.title

    return _by_consent(provider.name, provider.title, lambda: provider, check)


def _by_consent(
    name: str,
    title: str,
    oauth: Callable[[], OAuthProvider],
    check: Callable[[Values], str],
    busy: Callable[[Values, Period], list[Span]] | None = None,
) -> Connector:
    def renew(values: Values) -> Credential:
        kept = values.get("refresh", "")
        if not kept:
            raise ProviderError(name, "refused", "no refresh token", authorization.INVALID_GRANT)
        return credential_of(authorization.refresh(oauth(), kept), kept)

    def revoke(values: Values) -> None:
        authorization.revoke(oauth(), values.get("refresh") or values["access"])

    return Connector(
        name, title, "oauth", check, renew=renew, revoke=revoke, busy=busy, oauth=oauth
    )


def _google_busy(values: Values, period: Period) -> list[Span]:
    return calendar.busy(values["access"], period.begins, period.ends)


def _google_calendar(values: Values) -> str:
    return calendar.find_calendar(values["access"]) or calendar.TITLE


def _key_pair(given: Values) -> Credential:
    """Return the keys that the clinic gave. Our own developer key is not stored with them, but read
    at each use.
    """
    if not _developer_key(given):
        raise Misconfigured(NO_DEVELOPER_KEY)
    return Credential({name: given[name] for name in OPEN_DENTAL_KEYS if given.get(name)})


def _developer_key(values: Values) -> str:
    return values.get("developerKey") or get_settings().open_dental_developer_key


def _open_dental_slots(values: Values, period: Period) -> list[Span]:
    developer_key = _developer_key(values)
    if not developer_key:  # our misconfiguration: it must not expire the clinic's credential
        name, code = open_dental.NAME, "not_configured"
        raise ProviderError(name, "retry_later", NO_DEVELOPER_KEY, code, NO_DEVELOPER_KEY)
    keys = developer_key, values["customerKey"]
    return open_dental.find_slots(*keys, period.first, period.last, period.zone)


def _open_dental_check(values: Values) -> str:
    now = business_now()
    _open_dental_slots(values, Period(now.date(), now.date(), ZoneInfo("UTC"), now, now))
    return open_dental.TITLE


def _with_bearer(given: Values) -> Credential:
    access = nexhealth.exchange_key(given["apiKey"])
    kept = {name: given[name] for name in ("apiKey", "subdomain", "locationId")}
    return Credential(kept | {"access": access}, real_now() + nexhealth.LASTS)


def _nexhealth_slots(values: Values, period: Period) -> list[Span]:
    place = values["subdomain"], values["locationId"]
    return nexhealth.find_slots(values["access"], *place, period.first, period.last)


def _nexhealth_check(values: Values) -> str:
    today = business_now().date()
    place = values["subdomain"], values["locationId"]
    nexhealth.find_slots(values["access"], *place, today, today)
    return f"{values['subdomain']}, location {values['locationId']}"


TITLES = {each.NAME: each.TITLE for each in (calendar, open_dental, nexhealth)}
BUILT_IN = {
    connector.name: connector
    for connector in (
        _by_consent(calendar.NAME, calendar.TITLE, calendar.google, _google_calendar, _google_busy),
        Connector(
            open_dental.NAME,
            open_dental.TITLE,
            "key_pair",
            _open_dental_check,
            fields=("customerKey",),
            optional=("developerKey",),
            make=_key_pair,
            slots=_open_dental_slots,
        ),
        Connector(
            nexhealth.NAME,
            nexhealth.TITLE,
            "token",
            _nexhealth_check,
            fields=("apiKey", "subdomain", "locationId"),
            make=_with_bearer,
            renew=_with_bearer,
            slots=_nexhealth_slots,
        ),
    )
}
