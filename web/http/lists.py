"""Lists with a cursor: `limit` (at most 100) and `startingAfter`, answered as `{"data": […],
"hasMore": bool}`.

Every list works this way, and refuses invalid parameters the same way: 422 with the parameter's
name, never another page.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any, TypeVar

import falcon
from peewee import ModelSelect

from rules.dates import BadDate, read_day_or_moment
from web.http.problems import Problem

MAX_LIMIT = 100
USUAL_LIMIT = 20

Entry = TypeVar("Entry")


def single_of(req: falcon.Request, name: str) -> str | None:
    """A parameter's value; None without it. Raises Problem 422 if it is given more than once."""
    given: str | list[str] | None = req.params.get(name)
    if isinstance(given, list):
        raise _bad(name, "is given more than once; one value is accepted; ask once for each")
    return given


def number_of(req: falcon.Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number from the query, in plain digits. Raises Problem 422."""
    text = single_of(req, name)
    if text is None:
        return default
    if not (
        text.isascii()
        and text.isdigit()
        and len(text) <= len(str(most))
        and least <= int(text) <= most
    ):
        raise Problem(
            "invalid",
            f"{name} is not a whole number from {least} to {most}. Send one, in plain digits.",
            [{"field": name, "message": f"is not a number; {least} to {most} is accepted"}],
        )
    return int(text)


def limit_of(req: falcon.Request) -> int:
    """The requested number of rows. Raises Problem 422."""
    return number_of(req, "limit", USUAL_LIMIT, 1, MAX_LIMIT)


def choices_of(req: falcon.Request, name: str, known: Sequence[str]) -> list[str]:
    """The values of a parameter that may be repeated, each one of `known`; empty without the
    parameter. Raises Problem 422.
    """
    chosen = req.get_param_as_list(name) or []
    if not set(chosen) <= set(known):
        message = f"is an unknown value; one of {', '.join(known)} is accepted; send one of these"
        raise Problem("invalid", f"{name} {message}.", [{"field": name, "message": message}])
    return chosen


def filter_of(req: falcon.Request, name: str) -> str | None:
    """An id to filter a list by; None without the parameter. Raises Problem 422 if it is given
    twice, or if it is empty: a client that forgot the id would get the whole list.
    """
    given = single_of(req, name)
    if given is None:
        return None
    if not given.strip():
        raise _bad(name, "is empty; an id is accepted; leave the parameter out for the whole list")
    if "\0" in given:  # PostgreSQL cannot store one
        raise _bad(name, "has a NUL character; an id is accepted; send it as you received it")
    return given


def moment_of(req: falcon.Request, name: str) -> datetime | None:
    """A time from the query, in RFC 3339; UTC if it has no offset. Raises Problem 422."""
    text = filter_of(req, name)
    if text is None:
        return None
    try:
        # an unescaped plus sign arrives as a space
        moment = read_day_or_moment(re.sub(r"(:\S*) (\d{2}:\d{2})$", r"\1+\2", text))
    except BadDate as error:
        raise _bad(name, str(error)) from None
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _bad(name: str, what: str) -> Problem:
    return Problem("invalid", f"{name} {what}.", [{"field": name, "message": what}])


def after_of(req: falcon.Request, *among: "ModelSelect[Any]") -> Any:
    """The row that `startingAfter` names; None without the parameter. Raises Problem 422 if the row
    is in none of `among`.
    """
    cursor = single_of(req, "startingAfter")
    if cursor is None:
        return None
    if "\0" not in cursor:  # PostgreSQL cannot store one
        for rows in among:
            if (row := rows.where(rows.model.id == cursor).first()) is not None:
                return row
    raise _unknown_cursor()


def _unknown_cursor() -> Problem:
    return Problem(
        "invalid",
        "startingAfter is not an id in this list. Send the last id of the previous page, or none.",
        [{"field": "startingAfter", "message": "is unknown; an id of this list is accepted"}],
    )


def page(
    req: falcon.Request,
    query: "ModelSelect[Any]",
    show: Callable[..., dict[str, Any]],
    among: "ModelSelect[Any]",
    oldest_first: bool = False,
    beside: Callable[[Sequence[Any]], Mapping[str, Mapping[str, Any]]] | None = None,
) -> dict[str, Any]:
    """One page of `query`, by id, newest or oldest first.

    `among` is the list without its filters, and the cursor may name any row of it: the row may have
    changed since it was shown. `beside` loads related data for all rows of a page at once: keyword
    arguments for `show`, by row id.
    """
    limit, last, by = limit_of(req), after_of(req, among), query.model.id
    if last is not None:
        query = query.where(by > last.id if oldest_first else by < last.id)
    rows = list(query.order_by(by if oldest_first else by.desc()).limit(limit + 1))
    if beside is None:
        return cut(rows, limit, show)
    given = beside(rows[:limit])
    return cut(rows, limit, lambda row: show(row, **given[row.id]))


def cut(
    rows: Sequence[Entry], limit: int, show: Callable[[Entry], dict[str, Any]]
) -> dict[str, Any]:
    """A page of `limit` rows; `rows` has one more if there is a next page."""
    return {"data": [show(row) for row in rows[:limit]], "hasMore": len(rows) > limit}


def page_of(
    req: falcon.Request,
    entries: Sequence[Entry],
    show: Callable[[Entry], dict[str, Any]],
    id_of: Callable[[Entry], str],
) -> dict[str, Any]:
    """One page of `entries`, in their order, for a list that is not a table."""
    limit, cursor, first = limit_of(req), single_of(req, "startingAfter"), 0
    if cursor is not None:
        first = next((place for place, entry in enumerate(entries, 1) if id_of(entry) == cursor), 0)
        if not first:
            raise _unknown_cursor()
    return {
        "data": [show(entry) for entry in entries[first : first + limit]],
        "hasMore": len(entries) > first + limit,
    }
