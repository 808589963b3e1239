"""Characters that nobody can see are refused in every query of the API: no name or id has one, so
that the answer would be of something else than what was meant, or empty.
"""

import unicodedata
from collections.abc import Iterator

import falcon

from web.http.problems import Problem

TOLD_PARAMETERS = 10
LONGEST_NAME = 80
CURSOR = "startingAfter"  # each list refuses one that is no id of its own, whatever is in it
# control, format (such as those that turn the direction of text), halves of pairs, private, none;
# what parts lines
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NO_UTF8 = "\N{REPLACEMENT CHARACTER}"  # what the server reads where bytes are no text
TOLD = (
    "has a character that cannot be seen, such as NUL; text of letters, digits and signs is"
    " accepted; take it out, or send the value as it was answered"
)


class QueryGuard:
    """Looks at the query of every request that needs a key, once the key was found to be good."""

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        """Refuse such characters. Raises Problem 422 that names each parameter that has one."""
        responder = getattr(resource, f"on_{req.method.lower()}", None)
        if not getattr(responder, "needs_key", False):
            return
        names = [name for name, values in _given(req) if any(map(_is_unseen, (name, *values)))]
        if names:
            shown = [_seen(name) for name in names[:TOLD_PARAMETERS]]
            fields = [{"field": name, "message": TOLD} for name in shown]
            raise Problem("invalid", f"Not valid: {', '.join(shown)} {TOLD}.", fields)


def _given(req: falcon.Request) -> Iterator[tuple[str, list[str]]]:
    for name, value in req.params.items():
        if name != CURSOR:
            yield name, [value] if isinstance(value, str) else list(value)


def _is_unseen(text: str) -> bool:
    plain = text.isascii() and text.isprintable()
    return not plain and any(
        unicodedata.category(char) in _UNSEEN or char == _NO_UTF8 for char in text
    )


def _seen(name: str) -> str:
    """A parameter's name as it may be shown."""
    return "".join(_NO_UTF8 if _is_unseen(char) else char for char in name[:LONGEST_NAME])
