"""`migrate`: bring the database to this release's schema."""

import click

from bin.commands.screen import say
from models import migrate as migrations


@click.command()
def migrate() -> None:
    """Apply the migrations this database has not had yet."""
    applied = migrations.migrate()
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say("Nothing to do: the database is up to date.")
