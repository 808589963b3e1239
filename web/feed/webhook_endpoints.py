"""Webhook endpoints of the clinic's software, signed by the Standard Webhooks scheme."""

from typing import Annotated, Any

import falcon
from pydantic import AfterValidator, Field

from actions.feed.endpoints import (
    change_endpoint,
    delete_endpoint,
    endpoints_of,
    find_endpoint,
    register_endpoint,
)
from models.feed.outgoing_event import CHOICES
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from rules.webhook_address import read_target
from runtime.secret_box import unseal
from runtime.settings import get_settings
from web.feed.responses import (
    DeliveryShown,
    EndpointList,
    EndpointMade,
    EndpointShown,
    EndpointWithDeliveries,
)
from web.http.body import Body, check, read_json
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import page
from web.openapi.openapi import PageQuery, documented

LATEST = 20  # deliveries shown


def _may_be_sent_to(url: str) -> str:
    read_target(url, loopback=get_settings().webhooks_may_stay_here)
    return url


def _known(events: list[str]) -> list[str]:
    if not set(events) <= set(CHOICES):
        raise ValueError(
            f"has an unknown event; each of {', '.join(CHOICES)} is accepted; correct it"
        )
    return list(dict.fromkeys(events))


Url = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_may_be_sent_to)]
Events = Annotated[
    list[str],
    Field(
        max_length=len(CHOICES),
        json_schema_extra={"items": {"type": "string", "enum": list(CHOICES)}},
    ),
    AfterValidator(_known),
]


class NewEndpoint(Body):
    """Where to send which events: `refund.*` means each that begins with `refund.`; without
    `events`, or with `*`, all of them.
    """

    url: Url
    events: Events = Field(default=[])


class EndpointChange(Body):
    """The fields that may change; omitted ones stay. `enabled` false stops deliveries, true resumes
    them.
    """

    url: Url | None = None
    events: Events | None = None
    enabled: bool | None = None


class WebhookEndpoints:
    """`/api/webhook-endpoints`"""

    @documented("Events", {201: EndpointMade}, body=NewEndpoint)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> DeferredAnswer:
        """Register an endpoint.

        Deliveries are signed; verify them with any Standard Webhooks library.

        Deliveries are retried until they are answered with 2xx, for about three days. They may
        arrive in any order and more than once: remember the `webhook-id`s you have seen.
        """
        caller, wanted = caller_of(req), check(NewEndpoint, document)
        endpoint = register_endpoint(caller.own, wanted.url, wanted.events, caller.actor)
        return DeferredAnswer(endpoint.id, nothing_to_perform)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """The endpoint with its secret, read from its row so that the stored answer of the request
        need not contain it.
        """
        endpoint = find_endpoint(caller_of(req).own, reference)
        resp.status = falcon.HTTP_201
        resp.media = EndpointMade.show(endpoint, secret=unseal(endpoint.secret))
        resp.set_header("Location", f"/api/webhook-endpoints/{endpoint.id}")

    @documented("Events", {200: EndpointList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's endpoints, oldest first."""
        account = caller_of(req).own
        unfiltered = WebhookEndpoint.select().where(WebhookEndpoint.account == account)
        resp.media = page(
            req, endpoints_of(account), EndpointShown.show, unfiltered, oldest_first=True
        )


class OneWebhookEndpoint:
    """`/api/webhook-endpoints/{endpoint_id}`"""

    @documented("Events", {200: EndpointWithDeliveries})
    def on_get(self, req: falcon.Request, resp: falcon.Response, endpoint_id: str) -> None:
        """One endpoint with its latest deliveries."""
        endpoint = find_endpoint(caller_of(req).own, endpoint_id)
        rows = (
            WebhookDelivery.select()
            .where(WebhookDelivery.endpoint == endpoint)
            .order_by(WebhookDelivery.id.desc())
            .limit(LATEST)
        )
        shown = [DeliveryShown.of(row) for row in rows]
        resp.media = EndpointWithDeliveries.show(endpoint, deliveries=shown)

    @documented("Events", {200: EndpointShown}, body=EndpointChange)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, endpoint_id: str) -> None:
        """Change its URL or events, disable it, or enable it again.

        Events missed while it was disabled are not sent later: read them from the feed, from
        `missedSince` on.
        """
        caller, wanted = caller_of(req), check(EndpointChange, read_json(req))
        given = wanted.model_dump(exclude_unset=True)
        resp.media = EndpointShown.show(
            change_endpoint(caller.own, endpoint_id, given, caller.actor)
        )

    @documented("Events", {204: None})
    def on_delete(self, req: falcon.Request, resp: falcon.Response, endpoint_id: str) -> None:
        """Delete an endpoint: pending deliveries are cancelled and its secret is erased."""
        delete_endpoint(caller_of(req).own, endpoint_id, caller_of(req).actor)
        resp.status = falcon.HTTP_204
