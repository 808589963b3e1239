"""Keep secrets (keys, tokens, our webhook secret) out of stored Vapi requests, answers and errors.

The effects ledger stores a request before it is sent, and its answer afterwards. So the secret that
authenticates Vapi's webhooks is added only as the request is sent (`with_secret`), and every answer
is stripped (`without_secrets`): a body as we render it equals the one Vapi returns.
"""

from typing import Any

from runtime.errors import Misconfigured
from runtime.log import hide_secrets
from runtime.settings import get_settings

HEADER = "X-Vapi-Secret"
LONGEST = 500  # characters of an error message
_SHORTEST = 6  # anything shorter is a word, not a secret
_NEVER_KEPT = frozenset({"twilioAuthToken", "twilioApiKey", "twilioApiSecret", "credentials"})
_SERVER_SECRETS = frozenset({"headers", "secret"})


def with_secret(value: Any) -> Any:
    """Return a copy of a body in which every `server` at our own URL carries our webhook secret."""
    if isinstance(value, list):
        return [with_secret(each) for each in value]
    if not isinstance(value, dict):
        return value
    copied = {name: with_secret(each) for name, each in value.items()}
    server = copied.get("server")
    if isinstance(server, dict) and _is_ours(server.get("url")):
        copied["server"] = server | {"headers": {HEADER: _webhook_secret()}}
    return copied


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a copy of an answer without tokens, and without the headers and secrets of its
    servers.
    """
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    if not isinstance(value, dict):
        return value
    dropped = _NEVER_KEPT | _SERVER_SECRETS if name == "server" else _NEVER_KEPT
    return {key: without_secrets(each, key) for key, each in value.items() if key not in dropped}


def masked_message(text: str, sent: dict[str, Any]) -> str:
    """Vapi's message about the body `sent`, truncated, with any secret that it repeats masked."""
    settings = get_settings()
    ours = (settings.vapi_api_key, *settings.vapi_webhook_secrets, *settings.twilio_auth_tokens)
    for secret in (*ours, *(sent.get(name) for name in _NEVER_KEPT)):
        if isinstance(secret, str) and len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return hide_secrets(text)[:LONGEST]


def _is_ours(url: object) -> bool:
    public = get_settings().public_url
    return isinstance(url, str) and bool(public) and url.startswith(f"{public}/")


def _webhook_secret() -> str:
    secrets = get_settings().vapi_webhook_secrets
    if not secrets:
        raise Misconfigured(
            "VAPI_WEBHOOK_SECRET is not set: Vapi's webhooks could not be authenticated. Make one"
            " up, 32 characters or more."
        )
    return secrets[0]
