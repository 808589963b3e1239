"""Webhook endpoints and deliveries: request bodies and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from models.feed.outgoing_event import TYPES
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from rules.webhook_address import read_target
from runtime.clock import rfc3339
from runtime.settings import get_settings
from web.http.body import Body
from web.openapi.openapi import Shown


def _may_be_sent_to(url: str) -> str:
    read_target(url, loopback=get_settings().webhooks_may_stay_here)
    return url


def _known(events: list[str]) -> list[str]:
    if not set(events) <= set(TYPES):
        raise ValueError(
            f"has an unknown event; each of {', '.join(TYPES)} is accepted; correct it"
        )
    return list(dict.fromkeys(events))


Url = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_may_be_sent_to)]
Events = Annotated[
    list[str],
    Field(
        max_length=len(TYPES), json_schema_extra={"items": {"type": "string", "enum": list(TYPES)}}
    ),
    AfterValidator(_known),
]


class NewEndpoint(Body):
    """Where to send which events; without `events`, all of them."""

    url: Url
    events: Events = Field(default=[])


class EndpointChange(Body):
    """The fields that may change; omitted ones stay. `enabled` false stops deliveries, true resumes
    them.
    """

    url: Url | None = None
    events: Events | None = None
    enabled: bool | None = None


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


class EndpointWithDeliveries(EndpointShown):
    """An endpoint with its latest deliveries."""

    deliveries: list[DeliveryShown]


class EndpointList(Shown):
    """A page of an account's endpoints, oldest first."""

    data: list[EndpointShown]
    has_more: bool


def show_endpoint(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint, without its secret."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": endpoint.events,
        "status": endpoint.state,
        "lastError": endpoint.last_error,
        "missedSince": None if endpoint.missed_after is None else str(endpoint.missed_after),
        "createdAt": rfc3339(endpoint.created_at),
    }


def show_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    """A delivery with its latest tries."""
    return {
        "eventId": delivery.event.event_id,
        "type": delivery.event.type,
        "status": delivery.state,
        "attempts": delivery.attempts,
        "tries": delivery.tries,
        "createdAt": rfc3339(delivery.created_at),
    }
