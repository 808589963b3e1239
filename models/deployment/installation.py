"""The tag of an installation, which all that it makes at providers carries."""

from peewee import IntegerField, TextField

from models.base import Row
from runtime.ids import new_token

TAG_LENGTH = 6


class Installation(Row):
    """One row, made by the migration: six characters that no other installation has."""

    id = IntegerField(primary_key=True)
    tag = TextField()


def installation_tag() -> str:
    """The tag of this installation, made now where the migration's is not there any more."""
    row = Installation.one("id = 1")
    if row is None:
        Installation(id=1, tag=new_token(length=TAG_LENGTH)).insert_new("id")
        row = Installation.get_by_id(1)
    return str(row.tag)


def tagged(row_id: str, longest: int = 40) -> str:
    """The tag of what is made for row `row_id`: at most 40 characters, as Vapi's names may have, or
    `longest`; then the end of the id, where it is random, says which row it is.
    """
    room = longest - TAG_LENGTH - 1
    return f"{installation_tag()}-{row_id[-room:]}"
