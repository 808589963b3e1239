"""What must not stay in requests, answers and errors of Vapi's: keys, tokens, our webhook secret.

A request is kept in the effects ledger before it is sent, and its answer after. So the secret by
which Vapi's webhooks are known as Vapi's is added on the way out (`with_secret`), and whatever
comes back is stripped (`without_secrets`): a body as we render it equals the one we get.
"""

from typing import Any

from runtime.errors import Misconfigured
from runtime.log import hide_secrets
from runtime.settings import get_settings

HEADER = "X-Vapi-Secret"
LONGEST = 500  # characters of an error
_SHORTEST = 6  # what is shorter is a word, not a secret
_NEVER_KEPT = frozenset({"twilioAuthToken", "twilioApiKey", "twilioApiSecret", "credentials"})
_NOT_OF_A_SERVER = frozenset({"headers", "secret"})


def with_secret(value: Any) -> Any:
    """A copy of a body in which every `server` at our own address is given our webhook secret."""
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
    """A copy of an answer without tokens, and without the headers of its servers."""
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    if not isinstance(value, dict):
        return value
    dropped = _NEVER_KEPT | _NOT_OF_A_SERVER if name == "server" else _NEVER_KEPT
    return {key: without_secrets(each, key) for key, each in value.items() if key not in dropped}


def reworded(text: str, sent: dict[str, Any]) -> str:
    """What Vapi said of the body `sent`, cut to a length, without any secret that it repeats."""
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
            "VAPI_WEBHOOK_SECRET is not set: Vapi's webhooks would not be taken for Vapi's. Make"
            " one up, 32 characters or more."
        )
    return secrets[0]
