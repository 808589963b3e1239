"""Vapi's lists, which are bare arrays, newest first, without a cursor; and the tags by which we
find our objects.

A tag is an attempt's id. It is the object's `name`, for which Vapi allows 40 characters, and its
metadata's `attempt_id` if the kind has `metadata`.
"""

import json
from datetime import UTC, datetime
from typing import Any

from providers.errors import ProviderError
from providers.vapi.client import Json, Query, get, unexpected_answer

LONGEST_NAME = 40
PAGE = 1000  # Vapi's maximum
# A shorter page is the last one, even if Vapi ignored our limit and applied its default.
FULL = 100
MOST_PAGES = 10


def listed(path: str, since: datetime | None = None, until: datetime | None = None) -> list[Json]:
    """List every object of a kind, newest first; `since` and `until` bound the time of creation.

    Raises ProviderError (unknown) if the list is too long to read in full.
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
    """Return the newest objects created between two times, and the upper bound for the next page,
    None if there are no more. Objects created exactly at that bound appear again in the next page.

    Raises ProviderError (unknown) if a full page was created at one moment: no bound leads past it.
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
        "vapi", "unknown", f"{path} holds more than can be searched", "list_too_long"
    )


def rows_of(answer: Any) -> list[Json]:
    """Return the rows of a bare list. A single unreadable row raises, because it might be the one
    that is looked for.
    """
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise unexpected_answer("not a list of objects")
    return answer


def carries(row: Json, tag: str) -> bool:
    """Whether an object carries our tag."""
    return tag in (row.get("name"), _metadata(row).get("attempt_id"))


def tagged(body: Json, tag: str) -> Json:
    """Return `body` with the tag as its name and in its metadata."""
    return body | {"name": name(tag), "metadata": _metadata(body) | {"attempt_id": tag}}


def name(tag: str) -> str:
    """Return the tag if it fits a Vapi name. Raises ValueError if it is empty or too long."""
    if not tag or len(tag) > LONGEST_NAME:
        raise ValueError(f"a name of Vapi's has 1 to {LONGEST_NAME} characters")
    return tag


def _metadata(row: Json) -> Json:
    """An object's metadata, parsed if Vapi returns it as the JSON text that was sent."""
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
        query["createdAtGe"] = _iso(since)
    if until:
        query["createdAtLe"] = _iso(until)
    return query


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _oldest(page: list[Json]) -> datetime:
    """When the last row of a full page was created. Raises ProviderError if the page is not sorted
    newest first, because the next page has no bound then.
    """
    dates = [_parse_time(row.get("createdAt")) for row in page]
    if dates != sorted(dates, reverse=True):
        raise unexpected_answer("a list that is not newest first")
    return dates[-1]


def _parse_time(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise unexpected_answer("a row without a creation time") from error
