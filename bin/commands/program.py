"""The program: its groups of commands, and its exit codes.

0: success. 1: something is wrong, and an error line says what. 2: the command line is invalid.
"""

import json
import os
import sqlite3
from typing import Any

import click
from peewee import InterfaceError, OperationalError, PeeweeException
from pydantic import ValidationError
from redis.exceptions import RedisError

import jobs  # noqa: F401 - makes every job known
from bin.commands.accounts.accounts import account
from bin.commands.accounts.audit import audit
from bin.commands.accounts.keys import keys
from bin.commands.accounts.operators import operator
from bin.commands.books.backfill import backfill, backfills, replay
from bin.commands.books.events import events
from bin.commands.books.reconcile import reconcile
from bin.commands.compliance.prove import compliance
from bin.commands.contact.calls import calls
from bin.commands.contact.preview import contact
from bin.commands.deployments import deployments
from bin.commands.doctor import doctor
from bin.commands.effects import effects
from bin.commands.invoices.import_invoices import invoices
from bin.commands.migrate import migrate
from bin.commands.output import complain, remark
from bin.commands.pause import brakes, ceiling, pause, resume
from bin.commands.payments import payments
from bin.commands.recount import recount
from bin.commands.reseal import reseal
from bin.commands.staged_jobs import staged_jobs
from bin.commands.strays import strays
from models.database_errors import driver_message, explain
from models.transactions import database, use_database
from rules.cards.card_numbers import has_card_number, redact
from rules.storable import storable_text
from runtime.errors import PayphoneError
from runtime.log import configure_log
from runtime.settings import get_settings
from runtime.start import check_database, invalid_settings, read_settings

FOUND_PROBLEMS = 1


class Program(click.Group):
    """A group that prints known errors as sentences instead of tracebacks, and refuses arguments
    that contain a card number or text that no database can store.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line. Arguments can end up in the database, so one with a card number
        or with a byte that is not UTF-8 is refused before any command runs.
        """
        for number, argument in enumerate(args, start=1):
            if argument != storable_text(argument):
                raise click.UsageError(
                    f"Argument {number} is not UTF-8; nothing was done. Write it in UTF-8; rename a"
                    " file with such a name.",
                    ctx,
                )
            if has_card_number(argument):
                raise click.UsageError(
                    f"Argument {number} contains a card number; nothing was done. Leave it out, and"
                    " check your shell's history for it.",
                    ctx,
                )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Print a known error in one line, with exit code 1."""
        try:
            return super().invoke(ctx)
        except (PayphoneError, PeeweeException, RedisError, ValidationError) as error:
            complain(_sentence(error))
            ctx.exit(FOUND_PROBLEMS)
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, BrokenPipeError):
                raise  # click exits quietly when the reader of the pipe is gone
            complain(_of_disk(error))
            ctx.exit(FOUND_PROBLEMS)
        finally:
            _close()


def _sentence(error: Exception) -> str:
    match error:
        case ValidationError():
            return invalid_settings(error)
        case PeeweeException():
            return _of_database(error)
        case RedisError():
            return (
                f"Redis cannot be reached ({type(error).__name__}). Check REDIS_URL, or run"
                " bin/payphone doctor."
            )
        case PayphoneError():
            return str(error)
        case _:
            return f"{type(error).__name__}: {error}"


def _of_disk(error: OSError | sqlite3.Error) -> str:
    """Explain a file that cannot be read or written: ours, the command's, or its output."""
    if isinstance(error, OSError):
        what = f"{error.filename or 'A file'}: {error.strerror or error}"
        return f"{what}. Give this user access to it, and free space on its disk."
    return f"A temporary file: {error}. Free space in /tmp, or set TMPDIR."


def _of_database(error: PeeweeException) -> str:
    message = driver_message(error, get_settings().database_url)
    if isinstance(error, OperationalError | InterfaceError):
        return f"{get_settings().shown_database}: {explain(error)} ({message})"
    return message


def _close() -> None:
    if database.obj is not None and not database.is_closed():
        database.close()


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--demo", is_flag=True, help="Use the demo running in this folder, with its settings."
)
@click.pass_context
def payphone(ctx: click.Context, demo: bool) -> None:
    """Payphone's command line for operators.

    Settings come from the environment and from .env.
    """
    if demo:
        _take_demos_settings()
    if ctx.invoked_subcommand == "doctor":
        return  # it checks settings and database itself, and reports what it finds
    settings = read_settings()
    check_database(settings)
    if settings.payphone_env == "production" and not settings.names_database:
        remark(
            f"DATABASE_URL is not set: this is {settings.shown_database}. The running processes"
            " might use another one."
        )
    configure_log(settings.log_format, "WARNING", mask=redact)
    use_database(settings.database_url)


def _take_demos_settings() -> None:
    try:
        os.environ.update(json.loads(get_settings().demo_settings.read_text()))
    except FileNotFoundError:
        raise PayphoneError(
            "No demo is running in this folder. Start one with bin/demo in another terminal."
        ) from None
    get_settings.cache_clear()


for command in (
    account,
    audit,
    brakes,
    calls,
    ceiling,
    compliance,
    contact,
    doctor,
    deployments,
    effects,
    strays,
    events,
    invoices,
    keys,
    migrate,
    operator,
    pause,
    payments,
    recount,
    reseal,
    resume,
    staged_jobs,
):
    payphone.add_command(command)
for command in (backfill, backfills, reconcile, replay):
    events.add_command(command)
