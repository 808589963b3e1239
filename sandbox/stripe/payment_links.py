"""Payment links: a URL that opens a new Checkout Session for each visitor."""

from sandbox.stripe import catalog
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import Json
from sandbox.stripe.lists import newest_first, page
from sandbox.stripe.shapes import SHAPES

DERIVED = (
    "active",
    "line_items",
    "restrictions",
    "metadata",
    "payment_intent_data",
    "after_completion",
    "currency",
)
TOKENS = "links by token"
CLOSED = "This link is no longer active."


def create(account: Account, params: Json) -> Json:
    """``POST /v1/payment_links``."""
    items = catalog.line_items(account, params["line_items"])
    link = account.new("payment_link", **_shown(params), currency=items[0]["currency"])
    del link["created"]  # Stripe's links have no such field
    token = account.shared.ids.token(18)
    link["url"] = f"{account.cause.base_url}/pay/test_{token}"
    link["metadata"] = merged({}, params.get("metadata"))
    link["restrictions"] = _restrictions(params)
    link["payment_intent_data"] = _intent_details(params.get("payment_intent_data"))
    link["after_completion"] = _completion(params, link)
    account.secret(link["id"])["items"] = items
    account.secret(TOKENS)[f"test_{token}"] = link["id"]
    account.emit("payment_link.created", link)
    return link


def _shown(params: Json) -> Json:
    """Return the parameters that a link shows unchanged."""
    return {
        name: value
        for name, value in params.items()
        if name in SHAPES["payment_link"] and name not in DERIVED
    }


def _restrictions(params: Json) -> Json | None:
    """Return the limit on completed sessions with its counter, or None for no limit."""
    limit = ((params.get("restrictions") or {}).get("completed_sessions") or {}).get("limit")
    return {"completed_sessions": {"limit": limit, "count": 0}} if limit else None


def _intent_details(given: Json | None) -> Json | None:
    """Return the data copied to the intents of the link's sessions."""
    if not given:
        return None
    blank = dict.fromkeys(
        (
            "capture_method",
            "description",
            "setup_future_usage",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_group",
        )
    )
    return {**blank, **given, "metadata": merged({}, given.get("metadata"))}


def _completion(params: Json, link: Json) -> Json:
    """Return what happens after paying."""
    given: Json = params.get("after_completion") or link["after_completion"]
    if given["type"] == "hosted_confirmation":
        given = {"hosted_confirmation": {"custom_message": None}, **given}
    return given


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/payment_links/{id}``: deactivate, or change what later sessions get."""
    link = account.get("payment_link", id)
    changes = _shown(params) | {
        name: params[name] for name in ("active", "after_completion") if name in params
    }
    changes["metadata"] = merged(link["metadata"], params.get("metadata"))
    if "payment_intent_data" in params:
        changes["payment_intent_data"] = _intent_details(params["payment_intent_data"])
    if "restrictions" in params:
        changes["restrictions"] = _counted(params, link)
    return account.change(link, "payment_link.updated", **changes)


def _counted(params: Json, link: Json) -> Json | None:
    """Return new restrictions that keep the old count."""
    fresh = _restrictions(params)
    if fresh and link["restrictions"]:
        fresh["completed_sessions"]["count"] = link["restrictions"]["completed_sessions"]["count"]
    return fresh


def is_open(link: Json) -> bool:
    """Whether a visitor can open a session."""
    return bool(link["active"]) and not is_exhausted(link)


def is_exhausted(link: Json) -> bool:
    """Whether the limit on completed sessions is reached."""
    if not link["restrictions"]:
        return False
    counter = link["restrictions"]["completed_sessions"]
    return bool(counter["count"] >= counter["limit"])


def count_completion(account: Account, link: Json) -> None:
    """Count a completed session, and deactivate the link at its limit."""
    if link["restrictions"]:
        counter = link["restrictions"]["completed_sessions"]
        counted = {"completed_sessions": {**counter, "count": counter["count"] + 1}}
        still = counted["completed_sessions"]["count"] < counter["limit"]
        account.change(
            link, "payment_link.updated", restrictions=counted, active=link["active"] and still
        )


def items_of(account: Account, link: Json) -> list[Json]:
    """Return the link's line items."""
    items: list[Json] = account.secret(link["id"])["items"]
    return items


def by_token(account: Account, token: str) -> Json | None:
    """Return the link with this token, or None."""
    link_id = account.secret(TOKENS).get(token)
    return account.get("payment_link", link_id) if link_id else None


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/payment_links/{id}``."""
    return account.get("payment_link", id)


def line_items(account: Account, params: Json, id: str) -> Json:
    """``GET …/line_items``."""
    link = account.get("payment_link", id)
    return page(f"/v1/payment_links/{id}/line_items", items_of(account, link), params)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/payment_links``."""
    return page("/v1/payment_links", newest_first(account, "payment_link", params), params)
