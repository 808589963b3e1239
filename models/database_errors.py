"""What a database's error says to people: which of them call for a migration, and the driver's
words without the password.
"""

from urllib.parse import unquote, urlsplit

from peewee import PeeweeException

from rules.cards.card_numbers import redact

_UNDEFINED = {"42P01", "42703"}  # PostgreSQL's codes of a table and of a column that is not there
_LACKING = ("no such table", "no such column", "has no column named")  # SQLite has words only
LACKS_TABLES = "The database is not at this release's schema. Run bin/payphone migrate."


def lacks_tables(error: PeeweeException) -> bool:
    """Whether a table or a column of this release is not there."""
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    return code in _UNDEFINED if code else any(words in str(error) for words in _LACKING)


def driver_says(error: PeeweeException, url: str) -> str:
    """The error's kind and the first line of what the driver says, without the password of `url`
    and card numbers.
    """
    line = next(iter(str(error).strip().splitlines()), "")
    password = urlsplit(url).password
    for secret in {password, unquote(password)} if password else ():
        line = line.replace(secret, "***")
    return f"{type(error).__name__}: {redact(line)}" if line else type(error).__name__
