"""Add operators, reset their passwords, and disable them."""

from actions.accounts.accounts import find_account
from models.accounts.audit_entry import AuditEntry
from models.accounts.operator import Operator, normal_name
from models.accounts.operator_session import OperatorSession
from models.transactions import transaction
from rules.operator_rights import Rights
from runtime.clock import real_now
from runtime.errors import Refused


def add_operator(name: str, password: str, rights: Rights, actor: str) -> Operator:
    """Add an operator. Raises Refused for a name that is taken or invalid, a short password, or an
    unknown account.
    """
    with transaction():
        for account_id in sorted(rights.accounts or ()):
            find_account(account_id)
        added = Operator.add(name, password, real_now(), rights)
        AuditEntry.record(
            actor,
            "operator.added",
            f"operator:{added.name}",
            scope=added.scope,
            accounts=added.accounts,
        )
    return added


def reset_operator(name: str, password: str, actor: str) -> Operator:
    """Give an operator a new password, enable them if they were disabled, and end their open
    sessions. Raises Refused `not_found`, or for a short password.
    """
    with transaction():
        found = Operator.get_or_none(Operator.name == normal_name(name))
        if found is None:
            raise Refused("not_found", f"There is no operator {normal_name(name)}.")
        found.reset(password)
        OperatorSession.end_of(found)
        AuditEntry.record(
            actor,
            "operator.reset",
            f"operator:{found.name}",
            enabled=found.disabled_at is not None,
        )
    return found


def disable_operator(name: str, actor: str) -> Operator:
    """Stop an operator from signing in, and end their open sessions. Raises Refused `not_found`."""
    with transaction():
        found = Operator.live(name)
        if found is None:
            raise Refused("not_found", f"There is no operator {normal_name(name)} who may sign in.")
        found.record_disabled(real_now())
        OperatorSession.end_of(found)
        AuditEntry.record(actor, "operator.disabled", f"operator:{found.name}")
    return found
