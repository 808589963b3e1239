"""`operator`: people who can sign in, and API keys for any account."""

import sys

import click

from actions.accounts.keys import issue_key
from actions.accounts.operators import add_operator, disable_operator, reset_operator
from bin.commands.accounts.keys import say_key
from bin.commands.output import acting, moment, say, show_list
from models.accounts.operator import MIN_PASSWORD, Operator
from rules.operator_rights import SCOPES, Rights, Scope
from runtime.errors import PayphoneError
from runtime.ids import new_token


@click.group()
def operator() -> None:
    """Operators: named people who can sign in."""


@operator.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_operators(limit: int) -> None:
    """Show operators by name, with what they may do and in which accounts. The built-in one, who
    signs in with OPERATOR_PASSWORD, is not listed.
    """
    columns = ("name", "scope", "accounts", "added", "disabled")
    query = Operator.select().order_by(Operator.name)
    show_list(columns, query, _row, limit, "No named operators yet.")


def _row(row: Operator) -> tuple[object, ...]:
    accounts = "all" if row.accounts is None else ", ".join(row.accounts)
    return row.name, row.scope, accounts, moment(row.created_at), moment(row.disabled_at)


_password_stdin = click.option(
    "--password-stdin",
    is_flag=True,
    help=f"Read the password (at least {MIN_PASSWORD} characters) from standard input.",
)


@operator.command()
@click.argument("name")
@_password_stdin
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="admin",
    show_default=True,
    help="view: read only; act: also change, charge and text; admin: also create accounts.",
)
@click.option("--account", "accounts", multiple=True, help="Only this account (ac_…); repeatable.")
def add(name: str, password_stdin: bool, scope: Scope, accounts: tuple[str, ...]) -> None:
    """Add an operator. Without --password-stdin a password is generated and shown once."""
    password = _password(password_stdin)
    rights = Rights(scope, frozenset(accounts) if accounts else None)
    made = add_operator(name, password, rights, acting())
    _say_password(made.name, "" if password_stdin else password)


def _password(from_stdin: bool) -> str:
    if not from_stdin:
        return new_token(length=24)
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        message = "The password is not UTF-8, as browsers send it; pass it in UTF-8."
        raise PayphoneError(message) from None


def _say_password(name: str, generated: str) -> None:
    say(f"operator  {name}")
    if generated:
        say(f"password  {generated}")
        say("Save the password now: only its hash is stored, so it cannot be shown again.")


@operator.command()
@click.argument("name")
@_password_stdin
def reset(name: str, password_stdin: bool) -> None:
    """Give an operator a new password, and enable them again if they were disabled. Open sessions
    end at once.
    """
    password = _password(password_stdin)
    found = reset_operator(name, password, acting())
    _say_password(found.name, "" if password_stdin else password)


@operator.command()
@click.argument("name")
def disable(name: str) -> None:
    """Disable an operator; open sessions end at once."""
    found = disable_operator(name, acting())
    say(f"{found.name} may no longer sign in.")


@operator.command()
@click.argument("name")
def key(name: str) -> None:
    """Issue an operator's API key called NAME, for /metrics and for any account's API. It is shown
    only once.
    """
    row, secret = issue_key(None, name, acting())
    say_key(row.id, secret)
