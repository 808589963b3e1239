"""Where the clinic's software is told of events: endpoints of its own, signed by the Standard Webhooks scheme."""

import base64
import secrets
from datetime import datetime
from typing import Any, Literal

import falcon
from pydantic import Field, field_validator

from models.account import Account
from models.audit_entry import AuditEntry
from models.base import transaction
from models.outgoing_event import TYPES
from models.webhook_delivery import WebhookDelivery
from models.webhook_endpoint import WebhookEndpoint
from rules.webhook_address import read_target
from runtime.clock import real_now
from runtime.secret_box import seal, unseal
from runtime.settings import get_settings
from web.auth import caller_of
from web.body import Body, check
from web.idempotency import idempotent
from web.later import Later
from web.openapi import Shown, documented
from web.problems import Problem
from web.shapes import rfc3339

MOST = 20  # endpoints of one account
LATEST = 20  # deliveries shown
SECRET_BYTES = 32


class NewEndpoint(Body):
    """Where to send, and what: no `events` means all of them."""

    url: str = Field(min_length=1, max_length=2000)
    events: list[str] = Field(default=[], max_length=len(TYPES), json_schema_extra={"items": {"type": "string", "enum": list(TYPES)}})

    @field_validator("url")
    @classmethod
    def _may_be_sent_to(cls, url: str) -> str:
        settings = get_settings()
        read_target(url, loopback=settings.webhooks_to_loopback and settings.payphone_env in {"demo", "test"})
        return url

    @field_validator("events")
    @classmethod
    def _known(cls, events: list[str]) -> list[str]:
        if not set(events) <= set(TYPES):
            raise ValueError(f"must be among {', '.join(TYPES)}")
        return list(dict.fromkeys(events))


class EndpointShown(Shown):
    """An endpoint. Disabled: after three days of nothing but failures, or when it answered 410."""

    id: str
    url: str
    events: list[str]
    status: Literal["active", "disabled"]
    last_error: str | None
    created_at: datetime


class EndpointMade(EndpointShown):
    """A new endpoint with the secret its deliveries are signed with, which is shown this once."""

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
    """An account's endpoints."""

    data: list[EndpointShown]
    has_more: bool


def new_secret() -> str:
    """A fresh secret, `whsec_…`: of letters and digits only, so that what masks secrets in logs knows it whole."""
    while True:
        text = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")
        if text.isalnum():
            return f"whsec_{text}"


def find_endpoint(account: Account, endpoint_id: str) -> WebhookEndpoint:
    """The account's own endpoint. Raises Problem 404."""
    same = (WebhookEndpoint.id == endpoint_id) & (WebhookEndpoint.account == account) & (WebhookEndpoint.state != "deleted")
    endpoint = WebhookEndpoint.get_or_none(same)
    if endpoint is None:
        raise Problem("not_found", f"There is no webhook endpoint {endpoint_id[:40]}.")
    return endpoint


def show_endpoint(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint, without its secret."""
    return {
        "id": endpoint.id, "url": endpoint.url, "events": endpoint.events, "status": endpoint.state, "lastError": endpoint.last_error,
        "createdAt": rfc3339(endpoint.created_at),
    }  # fmt: skip


def _show_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "eventId": delivery.event.event_id, "type": delivery.event.type, "status": delivery.state, "attempts": delivery.attempts,
        "tries": delivery.tries, "createdAt": rfc3339(delivery.created_at),
    }  # fmt: skip


def _mine(account: Account) -> list[WebhookEndpoint]:
    return list(WebhookEndpoint.select().where(WebhookEndpoint.account == account, WebhookEndpoint.state != "deleted").order_by(WebhookEndpoint.id))


class WebhookEndpoints:
    """`/api/webhook-endpoints`"""

    @documented("Events", {201: EndpointMade}, body=NewEndpoint)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later:
        """Register an endpoint. What it is sent is signed; verify it with any Standard Webhooks library.

        Deliveries are repeated until they are answered with 2xx, for about three days, and may come in any
        order and more than once: keep the `webhook-id`s you have seen.
        """
        caller, wanted = caller_of(req), check(NewEndpoint, document)
        account = caller.own
        if len(_mine(account)) >= MOST:
            raise Problem("invalid", f"An account has at most {MOST} webhook endpoints; delete one first.")
        endpoint = WebhookEndpoint.register(account, wanted.url, wanted.events, seal(new_secret()), real_now())
        AuditEntry.record(f"key:{caller.key_id}", "endpoint.registered", f"endpoint:{endpoint.id}", account.id, events=wanted.events)
        return Later(endpoint.id, lambda: None)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """The endpoint with its secret: read from its row, so that the kept answer of the request need not hold it."""
        endpoint = find_endpoint(caller_of(req).own, reference)
        resp.status = falcon.HTTP_201
        resp.media = show_endpoint(endpoint) | {"secret": unseal(endpoint.secret)}
        resp.set_header("Location", f"/api/webhook-endpoints/{endpoint.id}")

    @documented("Events", {200: EndpointList})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's endpoints, oldest first."""
        resp.media = {"data": [show_endpoint(endpoint) for endpoint in _mine(caller_of(req).own)], "hasMore": False}


class OneWebhookEndpoint:
    """`/api/webhook-endpoints/{endpoint_id}`"""

    @documented("Events", {200: EndpointWithDeliveries})
    def on_get(self, req: falcon.Request, resp: falcon.Response, endpoint_id: str) -> None:
        """One endpoint with its latest deliveries."""
        endpoint = find_endpoint(caller_of(req).own, endpoint_id)
        rows = WebhookDelivery.select().where(WebhookDelivery.endpoint == endpoint).order_by(WebhookDelivery.id.desc()).limit(LATEST)
        resp.media = show_endpoint(endpoint) | {"deliveries": [_show_delivery(row) for row in rows]}

    @documented("Events", {204: None})
    def on_delete(self, req: falcon.Request, resp: falcon.Response, endpoint_id: str) -> None:
        """Send nothing more to an endpoint; what is under way to it is cancelled, its secret is forgotten."""
        caller = caller_of(req)
        with transaction():
            endpoint = find_endpoint(caller.own, endpoint_id)
            endpoint.record_deleted(real_now())
            AuditEntry.record(f"key:{caller.key_id}", "endpoint.deleted", f"endpoint:{endpoint.id}", caller.own.id)
        resp.status = falcon.HTTP_204
