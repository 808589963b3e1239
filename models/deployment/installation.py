"""The tag of an installation, which all that it makes at providers carries."""

from functools import lru_cache

from peewee import IntegerField, TextField

from models.base import Row, database

TAG_LENGTH = 6


class Installation(Row):
    """One row, made by the migration: six characters that no other installation has."""

    id = IntegerField(primary_key=True)
    tag = TextField()


@lru_cache(maxsize=1)
def _tag_in(_database: int) -> str:
    return Installation.get_by_id(1).tag


def installation_tag() -> str:
    """The tag of this installation."""
    return _tag_in(id(database.obj))


def tagged(row_id: str, longest: int = 40) -> str:
    """The tag of what is made for row `row_id`: at most 40 characters, as Vapi's names may have, or
    `longest`; then the end of the id, where it is random, says which row it is.
    """
    room = longest - TAG_LENGTH - 1
    return f"{installation_tag()}-{row_id[-room:]}"
