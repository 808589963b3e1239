"""Refuses invisible characters in every query of the API.

No name or id needs them, and with them the answer would be empty or about something else. Joiners
are allowed, since Persian names and emoji need them, and so are characters too new for our Unicode
tables.
"""

import unicodedata
from collections.abc import Iterator

import falcon

from web.http.problems import Problem
from web.http.routing import needs_key

MOST_PARAMETERS = 10
LONGEST_NAME = 80
CURSOR = "startingAfter"  # each list refuses a cursor that is not one of its own ids
# control characters, surrogates, line and paragraph separators
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# bidirectional controls, zero-width characters, the byte order mark
_INVISIBLE = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\ufeff"
)
_NO_UTF8 = "\N{REPLACEMENT CHARACTER}"  # what the server reads for bytes that are not UTF-8
MESSAGE = (
    "has an invisible character, such as NUL; text of letters, digits and signs is accepted; remove"
    " it, or send the value as you received it"
)


class QueryGuard:
    """Checks the query of every request that needs a key, once the key is authenticated."""

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        """Refuse invisible characters. Raises Problem 422 that names their parameters."""
        if not needs_key(req, resource):
            return
        names = [
            name for name, values in _parameters(req) if any(map(_has_invisible, (name, *values)))
        ]
        if names:
            shown = [_shown(name) for name in names[:MOST_PARAMETERS]]
            fields = [{"field": name, "message": MESSAGE} for name in shown]
            raise Problem("invalid", f"Not valid: {', '.join(shown)} {MESSAGE}.", fields)


def _parameters(req: falcon.Request) -> Iterator[tuple[str, list[str]]]:
    for name, value in req.params.items():
        if name != CURSOR:
            yield name, [value] if isinstance(value, str) else list(value)


def _has_invisible(text: str) -> bool:
    plain = text.isascii() and text.isprintable()
    return not plain and any(
        unicodedata.category(char) in _INVISIBLE_CATEGORIES
        or char in _INVISIBLE
        or char == _NO_UTF8
        for char in text
    )


def _shown(name: str) -> str:
    """A parameter's name with its invisible characters replaced, cut to what may be shown."""
    return "".join(_NO_UTF8 if _has_invisible(char) else char for char in name[:LONGEST_NAME])
