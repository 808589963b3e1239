"""Plain lists, newest first: a limit, and bounds on creation and update times."""

from datetime import datetime

from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, invalid

USUAL, MOST = 100, 1000
BOUNDS = {
    f"{field}{bound}": (field, bound)
    for field in ("createdAt", "updatedAt")
    for bound in ("Gt", "Lt", "Ge", "Le")
}


def index(books: Books, kind: str, query: dict[str, str]) -> list[Json]:
    """``GET /{kind}``."""
    unknown = [name for name in query if name not in BOUNDS and name != "limit"]
    if unknown:
        raise invalid(*(f"property {name} should not exist" for name in unknown))
    bounds = {name: _date(text, name) for name, text in query.items() if name in BOUNDS}
    rows = [row for row in books.each(kind) if _is_within(row, bounds)]
    rows.sort(key=lambda row: str(row["createdAt"]), reverse=True)
    return rows[: _limit(query)]


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", str(USUAL))
    if not text.isdecimal() or int(text) > MOST:
        raise invalid(f"limit must not be greater than {MOST}")
    return int(text)


def _is_within(row: Json, bounds: dict[str, datetime]) -> bool:
    """Whether a row is within every bound."""
    for name, wanted in bounds.items():
        field, bound = BOUNDS[name]
        there = _date(row[field], field)
        held = {
            "Gt": there > wanted,
            "Lt": there < wanted,
            "Ge": there >= wanted,
            "Le": there <= wanted,
        }
        if not held[bound]:
            return False
    return True


def _date(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{name} must be a valid ISO 8601 date string") from None
    if found.tzinfo is None:
        raise invalid(f"{name} must be a valid ISO 8601 date string")
    return found
