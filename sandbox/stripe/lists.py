"""Lists: newest first, filtered and paged."""

from sandbox.stripe.account import Account
from sandbox.stripe.errors import Json, invalid

PAGING = ("limit", "starting_after", "ending_before", "expand", "created")
LARGEST_PAGE = 100
BOUNDS = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def page(url: str, found: list[Json], params: Json) -> Json:
    """Return one page of objects that are given newest first."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid(
            "Invalid limit: must be between 1 and 100",
            param="limit",
            code="parameter_invalid_integer",
        )
    if "ending_before" in params:
        end = _position(found, params["ending_before"], "ending_before")
        start = max(0, end - limit)
        return _list(url, found[start:end], start > 0)
    start = (
        _position(found, params["starting_after"], "starting_after") + 1
        if "starting_after" in params
        else 0
    )
    return _list(url, found[start : start + limit], len(found) > start + limit)


def _position(found: list[Json], id: str, param: str) -> int:
    """Return the index of a cursor's object."""
    for index, item in enumerate(found):
        if item["id"] == id:
            return index
    raise invalid(f"No such object: '{id}'", code="resource_missing", param=param)


def _list(url: str, rows: list[Json], has_more: bool) -> Json:
    """Wrap a page as Stripe's list object."""
    return {"object": "list", "url": url, "has_more": has_more, "data": rows}


def newest_first(account: Account, kind: str, params: Json) -> list[Json]:
    """Return the objects of a kind with the wanted fields and ``created`` within bounds."""
    wanted = {name: value for name, value in params.items() if name not in PAGING}
    found = [
        item for item in account.each(kind, **wanted) if _created_fits(item, params.get("created"))
    ]
    return found[::-1]


def _created_fits(item: Json, created: Json | int | None) -> bool:
    """Whether an object was created within the requested bounds."""
    if created is None:
        return True
    if isinstance(created, int):
        return bool(item["created"] == created)
    return all(BOUNDS[name](item["created"], bound) for name, bound in created.items())
