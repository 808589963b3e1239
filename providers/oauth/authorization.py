"""OAuth 2 by Authlib: the authorization URL a clinic is sent to, and the tokens that result.

Authlib builds and parses the requests; httpx sends them, with our timeouts. An authorization code
and a rotating refresh token are valid once, so nothing here retries by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from authlib.common.security import generate_token
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.client import OAuth2Client

from providers.errors import ProviderError
from providers.plain_http import (
    as_code,
    no_answer,
    open_client,
    send_request,
    status_error,
    unexpected_answer,
)
from rules.integrations.oauth_providers import OAuthProvider

INVALID_GRANT = "invalid_grant"
# errors that say nothing about the clinic's consent: a person must fix our registration
_CONFIG_ERRORS = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})
_BAD_REQUEST, _UNAUTHORIZED = 400, 401
_VERIFIER_LENGTH = 64
_LONGEST = 365 * 86_400  # seconds; any token is refreshed at least once a year


@dataclass(frozen=True, slots=True)
class Tokens:
    """`lasts`: seconds until the access token expires, None if the provider does not say. `scopes`:
    the scopes granted, None if the provider names none, i.e. granted all that were requested.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lasts: int | None
    scopes: frozenset[str] | None


def new_verifier() -> str:
    """Generate a PKCE code verifier."""
    return str(generate_token(_VERIFIER_LENGTH))


def authorization_url(provider: OAuthProvider, redirect: str, state: str, verifier: str) -> str:
    """The URL where the clinic gives its consent; PKCE with method S256."""
    client = OAuth2Client(
        None,  # no HTTP client: nothing is sent
        provider.client_id,
        scope=" ".join(provider.scopes),
        redirect_uri=redirect,
        code_challenge_method="S256",
    )
    url, _ = client.create_authorization_url(
        provider.authorize, state=state, code_verifier=verifier, **dict(provider.parameters)
    )
    return str(url)


def exchange_code(provider: OAuthProvider, redirect: str, code: str, verifier: str) -> Tokens:
    """Exchange an authorization code, which works once, for tokens. Raises ProviderError."""
    with _client(provider) as client:
        token = client.fetch_token(
            provider.token,
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect,
            code_verifier=verifier,
            auth=_auth(provider),
            **_body_credentials(provider),
        )
    return _tokens(provider, token)


def refresh(provider: OAuthProvider, refresh_token: str) -> Tokens:
    """Refresh the tokens; the refresh token stays the same unless the provider issues a new one.
    Raises ProviderError, with code `invalid_grant` if the clinic must connect again.
    """
    with _client(provider) as client:
        token = client.refresh_token(
            provider.token,
            refresh_token=refresh_token,
            auth=_auth(provider),
            **_body_credentials(provider),
        )
    return _tokens(provider, token)


def revoke(provider: OAuthProvider, token: str) -> None:
    """Revoke a token; one that is no longer valid counts as revoked. Raises ProviderError, also if
    the provider has no revocation endpoint.
    """
    if not provider.revoke:
        raise ProviderError(provider.name, "refused", "no revocation endpoint", "no_endpoint")
    as_client = provider.revoke_as_client
    with _client(provider) as client:
        response = client.revoke_token(
            provider.revoke,
            token=token,
            body=urlencode(_body_credentials(provider)) if as_client else None,
            auth=_auth(provider) if as_client else httpx.Auth(),
        )
    if not response.is_success:
        code = _error_code_of(response)
        if code not in {"invalid_token", INVALID_GRANT}:
            raise status_error(provider.name, response.status_code, code)


def verify(provider: OAuthProvider, access_token: str) -> None:
    """Check a token by reading the provider's side-effect-free verification URL. Raises
    ProviderError.
    """
    send_request(provider.name, "GET", provider.verify, bearer(access_token))


def bearer(access_token: str) -> dict[str, str]:
    """The Authorization header for a token."""
    return {"Authorization": f"Bearer {access_token}"}


@contextmanager
def _client(provider: OAuthProvider) -> Iterator[OAuth2Client]:
    """Yield Authlib's client, and turn what it raises into ProviderError without the original
    message, which may quote what was sent.
    """
    try:
        with open_client() as http:
            client = OAuth2Client(http, provider.client_id)
            for hook in ("access_token_response", "refresh_token_response"):
                client.register_compliance_hook(hook, _adapted_response)
            yield client
    except OAuth2Error as error:
        raise _provider_error(provider, as_code(error.error) or "oauth_error") from None
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status == _UNAUTHORIZED:  # our client credentials were rejected, not the consent
            raise _provider_error(provider, "invalid_client") from None
        raise status_error(provider.name, status, "") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise no_answer(provider.name, error) from None
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise unexpected_answer(provider.name, type(error).__name__) from None


def _adapted_response(response: httpx.Response) -> httpx.Response:
    """Adapt a token response before Authlib parses it.

    An OAuth error body is taken seriously with status 400 or 401 only (RFC 6749, 5.2), because rate
    limiters and gateways answer with JSON too. `expires_in` becomes a whole number or None, because
    Authlib fails on anything else.
    """
    if not response.is_success:
        if response.status_code not in {_BAD_REQUEST, _UNAUTHORIZED}:
            response.raise_for_status()
        return response
    document = response.json()
    if not isinstance(document, dict):
        return response
    document.pop("expires_at", None)
    lasts = {"expires_in": _lifetime(document.pop("expires_in", None))}
    return httpx.Response(response.status_code, json=document | lasts, request=response.request)


def _provider_error(provider: OAuthProvider, code: str) -> ProviderError:
    if code in _CONFIG_ERRORS:
        advice = f"{provider.title} rejected our client: check client id, secret and redirect URL."
        return ProviderError(provider.name, "retry_later", code, code, advice, answered=True)
    if code in {"server_error", "temporarily_unavailable", "slow_down"}:
        return ProviderError(provider.name, "retry_later", code, code, answered=True)
    return ProviderError(provider.name, "refused", code, code, answered=True)


def _auth(provider: OAuthProvider) -> httpx.Auth:
    if provider.client_auth == "basic" and provider.client_secret:
        return httpx.BasicAuth(provider.client_id, provider.client_secret)
    return httpx.Auth()


def _body_credentials(provider: OAuthProvider) -> dict[str, str]:
    if provider.client_auth == "basic" and provider.client_secret:
        return {}
    secret = {"client_secret": provider.client_secret} if provider.client_secret else {}
    return {"client_id": provider.client_id} | secret


def _tokens(provider: OAuthProvider, token: Any) -> Tokens:
    access = token.get("access_token")
    if not isinstance(access, str) or not access:
        raise unexpected_answer(provider.name, "tokens without an access token")
    if str(token.get("token_type", "bearer")).lower() != "bearer":
        raise unexpected_answer(provider.name, "a token that is not a bearer token")
    scope = token.get("scope")
    return Tokens(
        access,
        str(token.get("refresh_token") or ""),
        token.get("expires_in"),
        frozenset(scope.split()) if isinstance(scope, str) and scope else None,
    )


def _lifetime(lasts: Any) -> int | None:
    """Parse a token lifetime given as a number or as text; None if it is neither or is already
    over.
    """
    try:
        seconds = float(lasts)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(min(seconds, _LONGEST)) if seconds >= 1 else None


def _error_code_of(response: httpx.Response) -> str:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return ""
    return as_code(document.get("error")) if isinstance(document, dict) else ""
