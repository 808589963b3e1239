"""Explain database errors to people: what is wrong, what to do about it, and the driver's message
without the password.
"""

import re
from urllib.parse import unquote

from peewee import InterfaceError, OperationalError, PeeweeException

from rules.cards.card_numbers import redact

IN_FAILED_TRANSACTION = "25P02"  # our bug: an error was caught and the transaction used further
_GAVE_WAY = {"40001", "40P01"}  # serialization failure, and deadlock
LOCK_REFUSED = "55P03"  # lock_timeout was exceeded
_UNDEFINED = {"42P01", "42703"}  # PostgreSQL's codes for an undefined table and an undefined column
_LACKING = ("no such table", "no such column", "has no column named")  # SQLite has only messages
LACKS_TABLES = "The database is not at this release's schema. Run bin/payphone migrate."
AWAY = (
    "The database cannot be reached. Start it, and check that DATABASE_URL names it and that it"
    " accepts connections from this machine."
)
_FULL = "The database's disk is full. Free some space on it."
_READ_ONLY = (
    "The database cannot be written to. Let this user write to its file and folder, and mount the"
    " disk read-write."
)
STANDBY = (
    "PostgreSQL takes no writes: it is a standby, or set to read-only. Name the primary in"
    " DATABASE_URL."
)
_LOCKED = "Another program has locked the database. Stop it, or end its transaction."
_GONE = (
    "The database's file is not there. Restore it, from a backup if necessary. Is this a new"
    " installation? Run bin/payphone migrate."
)
_DISK = "The database's disk is failing. Check the system log, and replace the disk if necessary."
_DAMAGED = "The database's file is damaged, or not a database. Restore it from a backup."
CROWDED = "PostgreSQL has no free connection. Raise max_connections, or run fewer processes."
_MISTAKEN = "The database rejected a statement of this release. Report this with the log."
_CONFLICT = (
    "PostgreSQL rolled back a transaction that conflicted with another; nothing of it was saved. It"
    " is retried, or can be. If this happens often, report it with PostgreSQL's log."
)
_FROZEN = (
    "PostgreSQL rolled back a transaction in which nothing had happened for long: this process was"
    " frozen. It goes on. If this happens often, check its machine."
)
_SLOW = "A statement took too long, or waited too long for a lock. Check what holds the lock."

# Prefixes of error codes (SQLite's name, PostgreSQL's SQLSTATE), and what they mean. The first
# match counts.
_MEANS = {
    "SQLITE_FULL": _FULL,
    "53100": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "25006": STANDBY,
    "25P03": _FROZEN,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    LOCK_REFUSED: _LOCKED,
    "SQLITE_CANTOPEN": _GONE,
    "SQLITE_IOERR": _DISK,
    "58": _DISK,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "XX": _DAMAGED,
    "53300": CROWDED,
    "57014": _SLOW,
    "40": _CONFLICT,
    "SQLITE_ERROR": _MISTAKEN,
    "3D000": "PostgreSQL has no such database. Correct DATABASE_URL, or create it.",
    "28": "PostgreSQL rejects this user's login. Correct DATABASE_URL, or pg_hba.conf.",
    "53": "PostgreSQL's machine is short of memory or disk space. Provide more.",
    "57": AWAY,
    "08": AWAY,
}
# Errors without a code, recognised by their message: refused connections, and an error of our own.
_WORDS = {
    "too many clients": "53300",
    "connection slots": "53300",
    r'database ".*" does not exist': "3D000",
    "authentication failed": "28",
    "removed or replaced": "SQLITE_CANTOPEN",
}


def state_of(error: BaseException) -> str:
    """PostgreSQL's SQLSTATE or SQLite's name of the error; '' if the driver gives neither and the
    message is unknown.
    """
    cause: object = error
    while cause is not None:
        code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
        if code:
            return str(code)
        cause = getattr(cause, "orig", None)
    return next((code for words, code in _WORDS.items() if re.search(words, str(error))), "")


def lacks_tables(error: PeeweeException) -> bool:
    """Whether a table or column of this release is missing."""
    if state_of(error) in _UNDEFINED:
        return True
    return any(words in str(error) for words in _LACKING)


SHORT = 3  # pieces of a password up to this length are not hidden: they occur everywhere
_PASSWORDS = re.compile(r"(?<=://)[^:@/]*:(.*)@|(?i:password=)([^&]*)")


def explain(error: PeeweeException) -> str:
    """Explain in two sentences what is wrong with the database and what to do."""
    if lacks_tables(error):
        return LACKS_TABLES
    state = state_of(error)
    return next((means for code, means in _MEANS.items() if state.startswith(code)), AWAY)


def is_conflict(error: BaseException) -> bool:
    """Whether PostgreSQL rolled a transaction back to resolve a conflict: retry it at once."""
    return isinstance(error, OperationalError) and state_of(error) in _GAVE_WAY


def is_outage(error: BaseException) -> bool:
    """Whether the same request will succeed once the database is available again."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return explain(error) not in {LACKS_TABLES, _LOCKED, _SLOW, _MISTAKEN}


def driver_message(error: PeeweeException, url: str) -> str:
    """The error's class and the first line of the driver's message, without the password of `url`
    and without card numbers.
    """
    line = next(iter(str(error).strip().splitlines()), "")
    for secret in sorted(_secrets_of(url), key=len, reverse=True):
        line = line.replace(secret, "***")
    return f"{type(error).__name__}: {redact(line)}" if line else type(error).__name__


def _secrets_of(url: str) -> set[str]:
    """The parts of the URL's passwords that a driver might quote: each as written and unquoted, and
    the pieces of one whose special characters were not escaped.
    """
    found = [text for each in _PASSWORDS.findall(url) for text in each if text]
    pieces = [piece for text in found for piece in re.split(r"\W", text) if len(piece) > SHORT]
    return {*found, *map(unquote, found), *pieces}
