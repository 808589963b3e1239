"""Connect and disconnect providers, with keys and tokens that the clinic gives or by its OAuth
consent.
"""

from dataclasses import dataclass
from datetime import timedelta

from actions.integrations.connector import Connector, Credential, Values
from actions.integrations.connectors import connector_of, credential_of
from actions.integrations.credentials import opened, refuse_while_revoking, save_connected
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage
from models.integrations.integration import Integration
from models.integrations.oauth_state import OAuthState
from models.transactions import serialize_on, transaction
from providers.errors import ProviderError
from providers.oauth.authorization import (
    Tokens,
    authorization_url,
    exchange_code,
    new_verifier,
)
from providers.plain_http import as_code
from rules.integrations.oauth_providers import OAuthProvider
from runtime.clock import real_now
from runtime.errors import Misconfigured, Refused
from runtime.secret_box import seal, unseal
from runtime.settings import get_settings

CALLBACK = "/api/oauth/callback"
PATIENCE = timedelta(minutes=15)  # for the clinic to give its consent
RETRY_AFTER = 5  # seconds
# asks for a refresh token; Microsoft, for one, never names it among the granted scopes
OFFLINE_ACCESS = "offline_access"
OVER = "This link is older than 15 minutes. Start again where you connect your calendar."
USED = (
    "This link was already used. Look where you connect your calendar; if it is not connected"
    " there, start again."
)
DENIED = (
    "You did not give access at {title} ({code}). Nothing was changed; start again if you like."
)
NO_REFRESH = (
    "{title} gave no lasting access. Remove Payphone's access in your account there, then connect"
    " again."
)
TOO_LITTLE = "Not everything was allowed at {title}. Connect again, and leave every box checked."
TAKES_NOT = "{title} does not accept it ({code}). Check what you gave, and send it again."
AWAY = "{title} did not answer as it should ({code}). Nothing was changed; try again."


@dataclass(frozen=True, slots=True)
class Verified:
    """A credential that a harmless call has shown to work, and what that call found."""

    credential: Credential
    found: str


def begin_authorization(account: Account, provider: str, actor: str) -> str:
    """Return the URL at which the clinic consents; its callback is valid once, within 15 minutes.
    Raises Refused `not_found` or `conflict`; Misconfigured.
    """
    connector = connector_of(provider)
    if connector.oauth is None:
        raise Refused(
            "conflict",
            f"{connector.title} is not connected by consent but with"
            f" {', '.join(connector.fields)}. Send them to"
            f" …/integrations/{connector.name}/connect.",
        )
    known, redirect = connector.oauth(), _callback()
    verifier, now = new_verifier(), real_now()
    with transaction():
        refuse_while_revoking(account.id, connector)
        state = OAuthState.begin(
            account, connector.name, seal(verifier), actor, now, now + PATIENCE
        )
    return authorization_url(known, redirect, state, verifier)


def pending_consent(state: str) -> tuple[Account, Connector]:
    """Return the account and connector that this OAuth state would connect. The user who arrives at
    the callback is asked to confirm first, because the URL might have been forwarded to them.
    Raises Refused `bad_request`.
    """
    pending = OAuthState.usable(state, real_now()) if state else None
    if pending is None:
        raise _over(state)
    return pending.account, connector_of(pending.provider)


def finish_authorization(state: str, code: str, error: str) -> tuple[Integration, Connector]:
    """Complete the clinic's consent: store the credential, or raise the reason. Call it outside a
    transaction, and with a code only once the user has confirmed the account.

    Raises Refused in words for the clinic: `bad_request` for a state that is unknown, used or
    expired, `provider_refused`, `provider_unavailable`, `conflict`; Misconfigured.
    """
    with transaction():
        pending = OAuthState.take(state, real_now()) if state else None
    if pending is None:
        raise _over(state)
    connector = connector_of(pending.provider)
    if connector.oauth is None:
        raise Refused("bad_request", OVER)
    if error or not code:
        raise Refused(
            "provider_refused",
            DENIED.format(title=connector.title, code=as_code(error) or "no code"),
        )
    known = connector.oauth()
    try:
        tokens = exchange_code(known, _callback(), code, unseal(pending.verifier))
        _need_scopes(known, tokens)
        before = Integration.of(pending.account_id, connector.name)
        if not tokens.refresh:
            if before is not None and before.state == "connected" and opened(before).get("refresh"):
                return before, connector  # its refresh token outlasts the new access token
            if known.needs_refresh_token:
                raise Refused("provider_refused", NO_REFRESH.format(title=connector.title))
        credential = credential_of(tokens)
        found = connector.check(credential.values)
    except ProviderError as failed:
        raise _refused(connector, failed) from None
    row = save_connected(pending.account, connector, credential, found, pending.asked_by)
    return row, connector


def verify_credential(account: Account, provider: str, given: Values) -> Verified:
    """Return a credential made from what the clinic gave, once a harmless call has shown that it
    works. Call it outside a transaction.

    Raises Refused `not_found`, `conflict`, `invalid` with fields, `provider_refused`,
    `provider_unavailable`; Misconfigured.
    """
    connector = connector_of(provider)
    if connector.make is None:
        raise Refused(
            "conflict",
            f"{connector.title} is connected by consent: POST"
            f" …/integrations/{connector.name}/authorize.",
        )
    _check_fields(connector, given)
    refuse_while_revoking(account.id, connector)
    try:
        credential = connector.make(given)
        return Verified(credential, connector.check(credential.values))
    except ProviderError as error:
        raise _refused(connector, error) from None


def store_credential(
    account: Account, provider: str, verified: Verified, actor: str
) -> Integration:
    """Store a verified credential."""
    return save_connected(
        account, connector_of(provider), verified.credential, verified.found, actor
    )


def disconnect_integration(account: Account, provider: str, actor: str) -> Integration:
    """Stop using the credential at once, and stage its revocation at the provider. Raises Refused
    `not_found`.
    """
    now = real_now()
    with transaction():
        serialize_on(f"integrations:{account.id}")  # connect and disconnect take turns
        found = Integration.one("account_id = ? AND provider = ? AND current", account.id, provider)
        if found is None:
            raise Refused("not_found", f"{provider[:40]} is not connected.")
        row = Integration.locked(found.id)
        row.record(now, state="revoked", current=False, error="")
        AuditEntry.record(
            actor,
            "integration.disconnected",
            f"integration:{row.id}",
            account.id,
            provider=provider,
        )
        stage("revoke_integration", row.id, row.id, fair_to=account.id)
    return row


def _over(state: str) -> Refused:
    return Refused("bad_request", USED if state and OAuthState.is_used(state) else OVER)


def _callback() -> str:
    public = get_settings().public_url
    if not public:
        raise Misconfigured(
            "PUBLIC_URL is not set, so no provider could redirect back. Set it to the URL of this"
            " installation, and register PUBLIC_URL/api/oauth/callback at the provider."
        )
    return f"{public}{CALLBACK}"


def _need_scopes(known: OAuthProvider, tokens: Tokens) -> None:
    needed = set(known.scopes) - {OFFLINE_ACCESS}
    if tokens.scopes is not None and not needed <= tokens.scopes:
        raise Refused("provider_refused", TOO_LITTLE.format(title=known.title))


def _check_fields(connector: Connector, given: Values) -> None:
    takes = ", ".join((*connector.fields, *connector.optional))
    wrong = [(name, "is missing") for name in connector.fields if not given.get(name)]
    wrong += [
        (name, f"means nothing to {connector.title}")
        for name in given
        if name not in {*connector.fields, *connector.optional}
    ]
    if wrong:
        errors = [
            {"field": name, "message": f"{what}; {takes} are accepted; correct it"}
            for name, what in wrong
        ]
        raise Refused("invalid", f"{wrong[0][0]} {errors[0]['message']}.", errors)


def _refused(connector: Connector, error: ProviderError) -> Refused:
    code = error.code or error.outcome
    if error.outcome == "refused":
        return Refused("provider_refused", TAKES_NOT.format(title=connector.title, code=code))
    words = AWAY.format(title=connector.title, code=code)
    return Refused("provider_unavailable", words, retry_after=RETRY_AFTER)
