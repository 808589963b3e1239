"""`migrate`: bring the database to this release's schema."""

import click

from bin.commands.output import say, say_database
from models import migrate as migrations


@click.command()
def migrate() -> None:
    """Apply the migrations this database has not had yet."""
    say_database()
    is_new = False
    for name in migrations.migrate_each():
        say(f"applied {name}")
        is_new = True
    newer = migrations.newer()
    if newer:
        say(
            f"The database is newer than this release: {', '.join(newer)}. See"
            " docs/operations/upgrade.md."
        )
    elif not is_new:
        say("Nothing to do: the database is up to date.")
