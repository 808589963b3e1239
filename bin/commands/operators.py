"""`operator`: people who may sign in, and API keys for any account."""

import sys

import click

from bin.commands.output import acting, say
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.accounts.operator import MIN_PASSWORD, Operator, normal_name
from models.accounts.operator_session import OperatorSession
from models.base import transaction
from runtime.clock import real_now
from runtime.errors import NotAllowed
from runtime.ids import new_token


@click.group()
def operator() -> None:
    """Operators: named people who may sign in."""


_password_stdin = click.option(
    "--password-stdin",
    is_flag=True,
    help=f"Read the password (at least {MIN_PASSWORD} characters) from standard input.",
)


@operator.command()
@click.argument("name")
@_password_stdin
def add(name: str, password_stdin: bool) -> None:
    """Add an operator. Without --password-stdin a password is generated and shown once."""
    password = _password(password_stdin)
    with transaction():
        made = Operator.add(name, password, real_now())
        AuditEntry.record(acting(), "operator.added", f"operator:{made.name}")
    _say_password(made.name, "" if password_stdin else password)


def _password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else new_token(length=24)


def _say_password(name: str, made_up: str) -> None:
    say(f"operator  {name}")
    if made_up:
        say(f"password  {made_up}")
        say("Save the password now: only its hash is stored, so it cannot be shown again.")


@operator.command()
@click.argument("name")
@_password_stdin
def reset(name: str, password_stdin: bool) -> None:
    """Give an operator a new password, and let in again who was disabled; open sessions end at
    once.
    """
    password = _password(password_stdin)
    with transaction():
        found = Operator.get_or_none(Operator.name == normal_name(name))
        if found is None:
            raise NotAllowed(f"There is no operator {normal_name(name)}.")
        found.reset(password)
        OperatorSession.delete().where(OperatorSession.operator == found).execute()
        AuditEntry.record(
            acting(),
            "operator.reset",
            f"operator:{found.name}",
            enabled=found.disabled_at is not None,
        )
    _say_password(found.name, "" if password_stdin else password)


@operator.command()
@click.argument("name")
def disable(name: str) -> None:
    """Disable an operator; open sessions end at once."""
    with transaction():
        found = Operator.live(name)
        if found is None:
            raise NotAllowed(f"There is no operator {normal_name(name)} who may sign in.")
        Operator.update(disabled_at=real_now()).where(Operator.id == found.id).execute()
        OperatorSession.delete().where(OperatorSession.operator == found).execute()
        AuditEntry.record(acting(), "operator.disabled", f"operator:{found.name}")
    say(f"{found.name} may no longer sign in.")


@operator.command()
@click.argument("name")
def key(name: str) -> None:
    """Issue an operator's API key called NAME, for /metrics and for the API of any account. It is
    shown only once.
    """
    with transaction():
        row, secret = ApiKey.issue(None, name, real_now())
        AuditEntry.record(acting(), "key.issued", f"key:{row.id}", kind="operator")
    say(f"key id  {row.id}")
    say(f"key     {secret}")
    say("Save the key now: only its hash is stored, so it cannot be shown again.")
