"""Store credentials: sealed, and renewed or checked before they expire."""

import json
from datetime import datetime, timedelta

from actions.integrations.connector import Connector, Credential, Values
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.feed.emit import emit
from models.integrations.integration import Integration
from models.transactions import serialize_on, transaction
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.ids import new_id
from runtime.secret_box import is_newest, seal, unseal

SYSTEM = "system"
LEAD = timedelta(minutes=10)  # an access token is renewed so long before it expires
LOOK_EVERY = timedelta(days=1)  # a credential that does not expire is checked so often
SOONEST = timedelta(minutes=1)  # shortest time from one renewal to the next
STILL_GOES = "{title} is still being disconnected. Connect it again in a minute."
RECONNECT = "{title} no longer accepts our credential ({code}). Connect it again."


def opened(row: Integration) -> Values:
    """Return the credential's values, unsealed."""
    values: Values = json.loads(unseal(row.sealed))
    return values


def sealed(values: Values) -> str:
    """Seal values under the newest key."""
    return seal(json.dumps(values, sort_keys=True))


def next_check(credential: Credential, now: datetime) -> datetime:
    """Return when to renew the credential, or to check it."""
    if credential.expires_at is None:
        return now + LOOK_EVERY
    return max(credential.expires_at - LEAD, now + SOONEST)


def refuse_while_revoking(account_id: str, connector: Connector) -> None:
    """Raises Refused `conflict` while the earlier credential is being revoked: at Google, that
    would end a new consent too.
    """
    before = Integration.of(account_id, connector.name)
    if before is not None and before.to_be_revoked:
        raise Refused("conflict", STILL_GOES.format(title=connector.title))


def save_connected(
    account: Account, connector: Connector, credential: Credential, found: str, actor: str
) -> Integration:
    """Store a verified credential in place of the earlier one. Raises Refused `conflict`."""
    now = real_now()
    fresh = {
        "state": "connected",
        "sealed": sealed(credential.values),
        "found": found[:200],
        "error": "",
        "expires_at": credential.expires_at,
        "renew_at": next_check(credential, now),
        "renewing_until": None,
        "verified_at": now,
    }
    with transaction():
        serialize_on(f"integrations:{account.id}")
        refuse_while_revoking(account.id, connector)
        before = Integration.one(
            "account_id = ? AND provider = ? AND current", account.id, connector.name
        )
        if before is not None:
            row = Integration.locked(before.id)
            row.record(now, version=row.version + 1, **fresh)
        else:
            row = Integration.create(
                id=new_id("int"),
                account=account,
                provider=connector.name,
                kind=connector.kind,
                created_at=now,
                updated_at=now,
                **fresh,
            )
        _audit(row, actor, "integration.connected")
    return row


def record_renewed(row: Integration, credential: Credential) -> None:
    """Store a renewed credential, unless the clinic has connected again since. A disconnected
    integration stores it too, because that is the token to revoke.
    """
    now = real_now()
    current = Integration.locked(row.id)
    if current.version != row.version:
        return
    current.record(
        now,
        sealed=sealed(credential.values),
        expires_at=credential.expires_at,
        renew_at=next_check(credential, now),
        renewing_until=None,
        verified_at=now,
    )


def record_expired(row: Integration, connector: Connector, code: str) -> None:
    """Mark the credential as expired, and say so once, on the feed too."""
    current = Integration.locked(row.id)
    if current.version != row.version or current.state != "connected":
        return
    words = RECONNECT.format(title=connector.title, code=code)
    current.record(real_now(), state="expired", error=words, renewing_until=None)
    payload = {"integrationId": row.id, "provider": row.provider, "reason": words}
    emit(row.account_id, "integration.expired", payload, f"integration:{row.id}")
    _audit(current, SYSTEM, "integration.expired", code=code)


def erase_credential(row: Integration, note: str) -> None:
    """Erase the credential: the provider has revoked it, or will not be asked again."""
    current = Integration.locked(row.id)
    if current.to_be_revoked:
        current.record(real_now(), sealed="", error=note)
        _audit(current, SYSTEM, "integration.revoked", note=note)


def reseal_integration(row: Integration, actor: str) -> bool:
    """Seal the credential under the newest key. Return whether that was needed. Raises
    Misconfigured when none of the keys opens it.
    """
    with transaction():
        row = Integration.locked(row.id)
        if not row.sealed or is_newest(row.sealed):
            return False
        row.record(real_now(), sealed=seal(unseal(row.sealed)))
        _audit(row, actor, "integration.resealed")
    return True


def _audit(row: Integration, actor: str, action: str, **detail: str) -> None:
    AuditEntry.record(
        actor, action, f"integration:{row.id}", row.account_id, provider=row.provider, **detail
    )
