"""The API's answers about webhook endpoints, their deliveries and the feed, as models."""

from datetime import datetime
from typing import Any, Literal, Self

from web.http.responses import Shown


class EndpointShown(Shown):
    """An endpoint. It is disabled by its owner, after three days of nothing but failures, or by
    answering 410.

    `missedSince` is the feed's cursor when it was last disabled: `GET /api/events?since=…` returns
    what it missed.
    """

    id: str
    url: str
    events: list[str]
    status: Literal["active", "disabled"]
    last_error: str | None
    missed_since: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about an endpoint, without its secret."""
        missed = None if row.missed_after is None else str(row.missed_after)
        return super().of(row, status=row.state, missed_since=missed, **given)


class EndpointMade(EndpointShown):
    """A new endpoint with the secret that signs its deliveries, which is shown only once."""

    secret: str


class DeliveryShown(Shown):
    """One event on its way to an endpoint; `tries` are the latest ones."""

    event_id: str
    type: str
    status: Literal["waiting", "delivered", "failed", "cancelled"]
    attempts: int
    tries: list[dict[str, Any]]
    created_at: datetime

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about a delivery."""
        event = row.event
        return super().of(row, event_id=event.event_id, type=event.type, status=row.state, **given)


class EndpointWithDeliveries(EndpointShown):
    """An endpoint with its latest deliveries."""

    deliveries: list[DeliveryShown]


class EndpointList(Shown):
    """A page of an account's endpoints, oldest first."""

    data: list[EndpointShown]
    has_more: bool


class EventShown(Shown):
    """One event. `data` holds ids, amounts and statuses only; read the object itself for more.
    `livemode`: whether this installation's money is real.
    """

    id: str
    type: str
    timestamp: datetime
    account_id: str
    livemode: bool
    data: dict[str, Any]


class EventFeedPage(Shown):
    """Events after the cursor, oldest first, and always the cursor for the next request."""

    data: list[EventShown]
    has_more: bool
    next: str
