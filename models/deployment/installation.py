"""The tag of an installation, carried by everything it creates at providers."""

from peewee import IntegerField, TextField

from models.base import Row
from runtime.ids import new_token

TAG_LENGTH = 6


class Installation(Row):
    """The only row, created by the migration. `tag` is six random characters."""

    id = IntegerField(primary_key=True)
    tag = TextField()


def installation_tag() -> str:
    """The tag of this installation. Creates one if the row is missing."""
    row = Installation.one("id = 1")
    if row is None:
        Installation(id=1, tag=new_token(length=TAG_LENGTH)).insert_new("id")
        row = Installation.get_by_id(1)
    return str(row.tag)


def tagged(row_id: str, longest: int = 40) -> str:
    """The tag for what is created for row `row_id`: the installation's tag and the end of the id,
    which is random. At most `longest` characters (Vapi's names may have 40).
    """
    room = longest - TAG_LENGTH - 1
    return f"{installation_tag()}-{row_id[-room:]}"
