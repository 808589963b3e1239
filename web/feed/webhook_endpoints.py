"""Webhook endpoints of the clinic's software, signed by the Standard Webhooks scheme."""

import base64
import secrets
from typing import Any

import falcon
from peewee import ModelSelect

from actions.feed.hold_deliveries import lock_endpoint
from jobs.deliver_webhook import disable
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from models.delivery.stage import stage_again
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from runtime.clock import real_now
from runtime.secret_box import seal, unseal
from web.feed.endpoint_shapes import (
    EndpointChange,
    EndpointList,
    EndpointMade,
    EndpointShown,
    EndpointWithDeliveries,
    NewEndpoint,
    show_delivery,
    show_endpoint,
)
from web.http.auth import caller_of
from web.http.body import check, read_json
from web.http.idempotency import idempotent
from web.http.later import Later, nothing_to_perform
from web.http.lists import page
from web.http.problems import Problem
from web.openapi.openapi import PageQuery, documented

MOST = 20  # endpoints of one account
LATEST = 20  # deliveries shown
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh secret, `whsec_…`: of letters and digits only, so that what masks secrets in logs
    knows it whole.
    """
    while True:
        text = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")
        if text.isalnum():
            return f"whsec_{text}"


def find_endpoint(account: Account, endpoint_id: str) -> WebhookEndpoint:
    """The account's own endpoint. Raises Problem 404."""
    same = (
        (WebhookEndpoint.id == endpoint_id)
        & (WebhookEndpoint.account == account)
        & (WebhookEndpoint.state != "deleted")
    )
    endpoint = WebhookEndpoint.get_or_none(same)
    if endpoint is None:
        raise Problem("not_found", f"There is no webhook endpoint {endpoint_id[:40]}.")
    return endpoint


def _mine(account: Account) -> "ModelSelect[Any]":
    return WebhookEndpoint.select().where(
        WebhookEndpoint.account == account, WebhookEndpoint.state != "deleted"
    )


class WebhookEndpoints:
    """`/api/webhook-endpoints`"""

    @documented("Events", {201: EndpointMade}, body=NewEndpoint)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later:
        """Register an endpoint. Deliveries are signed; verify them with any Standard Webhooks
        library.

        Deliveries are retried until they are answered with 2xx, for about three days. They may
        arrive in any order and more than once: remember the `webhook-id`s you have seen.
        """
        caller, wanted = caller_of(req), check(NewEndpoint, document)
        account = caller.own
        if _mine(account).count() >= MOST:
            raise Problem(
                "invalid", f"An account has at most {MOST} webhook endpoints; delete one first."
            )
        endpoint = WebhookEndpoint.register(
            account, wanted.url, wanted.events, seal(new_secret()), real_now()
        )
        AuditEntry.record(
            caller.actor,
            "endpoint.registered",
            f"endpoint:{endpoint.id}",
            account.id,
            events=wanted.events,
        )
        return Later(endpoint.id, nothing_to_perform)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """The endpoint with its secret: read from its row, so that the kept answer of the request
        need not hold it.
        """
        endpoint = find_endpoint(caller_of(req).own, reference)
        resp.status = falcon.HTTP_201
        resp.media = show_endpoint(endpoint) | {"secret": unseal(endpoint.secret)}
        resp.set_header("Location", f"/api/webhook-endpoints/{endpoint.id}")

    @documented("Events", {200: EndpointList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's endpoints, oldest first."""
        account = caller_of(req).own
        ever = WebhookEndpoint.select().where(WebhookEndpoint.account == account)
        resp.media = page(req, _mine(account), show_endpoint, ever, oldest_first=True)


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
        resp.media = show_endpoint(endpoint) | {"deliveries": [show_delivery(row) for row in rows]}

    @documented("Events", {200: EndpointShown}, body=EndpointChange)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, endpoint_id: str) -> None:
        """Change its URL or events, disable it, or enable it again.

        Events missed while it was disabled are not sent later: read them from the feed, from
        `missedSince` on.
        """
        caller, wanted = caller_of(req), check(EndpointChange, read_json(req))
        find_endpoint(caller.own, endpoint_id)
        with transaction():
            endpoint = lock_endpoint(find_endpoint(caller.own, endpoint_id))
            _change(endpoint, wanted)
            changed = sorted(wanted.model_fields_set)
            AuditEntry.record(
                caller.actor,
                "endpoint.changed",
                f"endpoint:{endpoint.id}",
                caller.own.id,
                changed=changed,
                status=endpoint.state,
            )
        resp.media = show_endpoint(endpoint)

    @documented("Events", {204: None})
    def on_delete(self, req: falcon.Request, resp: falcon.Response, endpoint_id: str) -> None:
        """Delete an endpoint: pending deliveries are cancelled and its secret is erased."""
        caller = caller_of(req)
        with transaction():
            endpoint = find_endpoint(caller.own, endpoint_id)
            endpoint.record_deleted(real_now())
            stage_again("release_deliveries", f"{endpoint.id}:0", endpoint.id, 0)
            AuditEntry.record(
                caller.actor, "endpoint.deleted", f"endpoint:{endpoint.id}", caller.own.id
            )
        resp.status = falcon.HTTP_204


def _change(endpoint: WebhookEndpoint, wanted: EndpointChange) -> None:
    """Write what is wanted of a locked endpoint. Another address, or being enabled, is a fresh
    beginning: what waits for it goes at once.
    """
    moved = wanted.url is not None and wanted.url != endpoint.url
    endpoint.record_changed(
        url=wanted.url or endpoint.url,
        events=endpoint.events if wanted.events is None else wanted.events,
    )
    if wanted.enabled is False and endpoint.state == "active":
        disable(endpoint, real_now())
    elif (wanted.enabled and endpoint.state == "disabled") or (
        moved and endpoint.failures and endpoint.state == "active"
    ):
        endpoint.record_enabled()
        stage_again("release_deliveries", f"{endpoint.id}:0", endpoint.id, 0)
