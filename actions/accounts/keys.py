"""Issue and revoke API keys."""

from actions.accounts.accounts import find_account
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.transactions import transaction
from runtime.clock import real_now
from runtime.errors import Refused


def issue_key(account_id: str | None, name: str, actor: str) -> tuple[ApiKey, str]:
    """Issue another key for an account, or an operator key if `account_id` is None. Return its row
    and its secret, which cannot be shown again. Raises Refused `not_found`.
    """
    with transaction():
        account = find_account(account_id) if account_id is not None else None
        key, secret = ApiKey.issue(account, name, real_now())
        AuditEntry.record(
            actor,
            "key.issued",
            f"key:{key.id}",
            account_id,
            kind="account" if account else "operator",
        )
    return key, secret


def revoke_key(key_id: str, why: str, actor: str) -> None:
    """Revoke a key at once. Raises Refused `not_found`, or `conflict` if it was revoked before."""
    with transaction():
        key = ApiKey.get_or_none(ApiKey.id == key_id)
        if key is None:
            raise Refused("not_found", f"There is no key {key_id}. See bin/payphone keys list.")
        if not key.revoke(real_now()):
            raise Refused("conflict", f"{key_id} was revoked already.")
        AuditEntry.record(actor, "key.revoked", f"key:{key.id}", key.account_id, why=why)
