"""Stripe's lists, a page at a time: events, PaymentIntents, refunds; and its webhook endpoints.
Reading only; newest first.
"""

from dataclasses import dataclass
from typing import Any

from providers.stripe.client import PAGE, Json, client, mapped_errors, options
from rules.stripe_event_types import id_in
from runtime.log import get_log

log = get_log("stripe")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: plain objects, newest first, and whether there are more."""

    rows: list[Json]
    has_more: bool


def list_events(since: int, after: str, stripe_account: str = "", limit: int = PAGE) -> Page:
    """Events created from `since` (seconds) on, those after the event `after` if it is given.
    Stripe keeps 30 days.
    """
    return _page("events", since, after, stripe_account, limit)


def list_intents(since: int, after: str, stripe_account: str) -> Page:
    """PaymentIntents created from `since` on."""
    return _page("payment_intents", since, after, stripe_account, PAGE)


def list_recent_refunds(since: int, after: str, stripe_account: str) -> Page:
    """Refunds created from `since` on."""
    return _page("refunds", since, after, stripe_account, PAGE)


def list_webhook_endpoints() -> list[Json]:
    """The webhook endpoints of the platform's account, in the mode of our key; Stripe allows some
    sixteen.
    """
    with mapped_errors():
        answer = client().v1.webhook_endpoints.list({"limit": PAGE})
        return [row.to_dict() for row in answer.data]


def _page(kind: str, since: int, after: str, stripe_account: str, limit: int) -> Page:
    asked: dict[str, Any] = {"limit": limit, "created": {"gte": since}} | (
        {"starting_after": after} if after else {}
    )
    with mapped_errors():
        answer = getattr(client().v1, kind).list(asked, options(stripe_account))
        return Page(_readable(kind, answer.data), bool(answer.has_more))


def _readable(kind: str, listed: list[Any]) -> list[Json]:
    """The objects of a page, without those that do not even say which they are: nobody else's are
    to wait for them. Raises TypeError for a page of nothing else, after which no list goes on.
    """
    rows = []
    for each in listed:
        document = each.to_dict() if hasattr(each, "to_dict") else {}
        if id_in(document.get("id")):
            rows.append(document)
        else:
            log.error("Stripe lists an object without an id; it is passed over", kind=kind)
    if listed and not rows:
        raise TypeError(f"a page of {kind} without an id")
    return rows
