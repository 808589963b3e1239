"""Vapi's lists: bare arrays, newest first, without a cursor; and tags, by which ours are found.

A tag is an attempt's id. It is the object's `name`, for which Vapi allows 40 characters, and where
there is `metadata`, its `attempt_id` too.
"""

import json
from datetime import UTC, datetime
from typing import Any

from providers.errors import ProviderError
from providers.vapi.client import Json, Query, get, odd

LONGEST_NAME = 40
PAGE = 1000  # Vapi's most
# A page shorter than this is the last one, even if Vapi gave us its usual number and not ours.
FULL = 100
MOST_PAGES = 10


def listed(path: str, since: datetime | None = None, until: datetime | None = None) -> list[Json]:
    """Everything of a kind, newest first; with `since` and `until`, what was created between them.

    Raises ProviderError (unknown) where not all of it could be looked at.
    """
    rows: dict[str, Json] = {}
    before = until
    for _ in range(MOST_PAGES):
        page, before = page_of(path, since, before)
        rows |= {str(row.get("id")): row for row in page}
        if before is None:
            return list(rows.values())
    raise _too_long(path)


def page_of(
    path: str, since: datetime | None, until: datetime | None
) -> tuple[list[Json], datetime | None]:
    """The newest of what was created between two times, and up to when the rest was created; None
    where there is no rest. What was created at that very moment is in the next page again.

    Raises ProviderError (unknown) where a page is of one moment: there is no way past it.
    """
    page = rows_of(get(path, _query(since, until)))
    if len(page) < FULL:
        return page, None
    rest = _oldest(page)
    if rest == until:
        raise _too_long(path)
    return page, rest


def _too_long(path: str) -> ProviderError:
    return ProviderError(
        "vapi", "unknown", f"{path} holds more than can be looked through", "list_too_long"
    )


def rows_of(answer: Any) -> list[Json]:
    """The rows of a bare list. One that cannot be read might be the one that is looked for."""
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise odd("a list was expected")
    return answer


def carries(row: Json, tag: str) -> bool:
    """Whether an object has our tag."""
    return tag in (row.get("name"), _metadata(row).get("attempt_id"))


def tagged(body: Json, tag: str) -> Json:
    """`body` with its tag as name and in its metadata."""
    return body | {"name": name(tag), "metadata": _metadata(body) | {"attempt_id": tag}}


def name(tag: str) -> str:
    """A tag that fits a name of Vapi's. Raises ValueError for a longer one."""
    if not tag or len(tag) > LONGEST_NAME:
        raise ValueError(f"a name of Vapi's has 1 to {LONGEST_NAME} characters")
    return tag


def _metadata(row: Json) -> Json:
    """The metadata, also where it comes back as the text it was sent as."""
    held = row.get("metadata")
    if isinstance(held, str):
        try:
            held = json.loads(held)
        except ValueError:
            return {}
    return held if isinstance(held, dict) else {}


def _query(since: datetime | None, until: datetime | None) -> Query:
    query: Query = {"limit": PAGE}
    if since:
        query["createdAtGe"] = _said(since)
    if until:
        query["createdAtLe"] = _said(until)
    return query


def _said(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _oldest(page: list[Json]) -> datetime:
    """When the last row of a full page was created. Raises where the page is not newest first: then
    there is no way on.
    """
    dates = [_date(row.get("createdAt")) for row in page]
    if dates != sorted(dates, reverse=True):
        raise odd("a list that is not newest first")
    return dates[-1]


def _date(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise odd("a row without the time of its creation") from error
