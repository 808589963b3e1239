"""Stripe's lists, one page at a time: events, PaymentIntents, refunds; and its webhook endpoints.
Read only, newest first.
"""

from dataclasses import dataclass
from typing import Any

from providers.stripe.client import PAGE, Json, client, mapped_errors, options
from rules.stripe_event_types import id_in
from runtime.log import get_log

log = get_log("stripe")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: plain objects, newest first, and whether more follow."""

    rows: list[Json]
    has_more: bool


def list_events(since: int, after: str, stripe_account: str = "", limit: int = PAGE) -> Page:
    """List events created at or after `since` (epoch seconds), continuing after the event `after`
    if given. Stripe keeps events for 30 days.
    """
    return _page("events", since, after, stripe_account, limit)


def list_intents(since: int, after: str, stripe_account: str) -> Page:
    """List PaymentIntents created at or after `since`."""
    return _page("payment_intents", since, after, stripe_account, PAGE)


def list_recent_refunds(since: int, after: str, stripe_account: str) -> Page:
    """List refunds created at or after `since`."""
    return _page("refunds", since, after, stripe_account, PAGE)


def list_webhook_endpoints() -> list[Json]:
    """List the webhook endpoints of the platform's account, in the mode of our API key; Stripe
    allows about sixteen.
    """
    with mapped_errors():
        answer = client().v1.webhook_endpoints.list({"limit": PAGE})
        return [row.to_dict() for row in answer.data]


def _page(kind: str, since: int, after: str, stripe_account: str, limit: int) -> Page:
    params: dict[str, Any] = {"limit": limit, "created": {"gte": since}} | (
        {"starting_after": after} if after else {}
    )
    with mapped_errors():
        answer = getattr(client().v1, kind).list(params, options(stripe_account))
        return Page(_with_ids(kind, answer.data), bool(answer.has_more))


def _with_ids(kind: str, listed: list[Any]) -> list[Json]:
    """Return the objects of a page, skipping those without an id so that they do not block the
    rest. Raises TypeError if no object has an id, because the next page cannot be requested then.
    """
    rows = []
    for each in listed:
        document = each.to_dict() if hasattr(each, "to_dict") else {}
        if id_in(document.get("id")):
            rows.append(document)
        else:
            log.error("Stripe lists an object without an id; it is skipped", kind=kind)
    if listed and not rows:
        raise TypeError(f"a page of {kind} without an id")
    return rows
