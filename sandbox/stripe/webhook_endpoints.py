"""Webhook endpoints: where events go, and the secret that signs them."""

import hashlib
import hmac
import json

from sandbox.deliveries import Delivery
from sandbox.stripe.account import API_VERSION, Account, merged
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.lists import newest_first, page

CHANGEABLE = ("url", "enabled_events", "description")


def create(account: Account, params: Json) -> Json:
    """``POST /v1/webhook_endpoints``; only this answer shows the secret."""
    if not params["url"].startswith(("http://", "https://")):
        raise invalid("Invalid URL: it must have a scheme.", param="url", code="url_invalid")
    shown = {name: params[name] for name in CHANGEABLE if name in params}
    endpoint = account.new("webhook_endpoint", **shown, api_version=params.get("api_version"))
    endpoint["metadata"] = merged({}, params.get("metadata"))
    secret = account.shared.ids.new("whsec", 32)
    account.secret(endpoint["id"]).update(secret=secret, connect=bool(params.get("connect")))
    return {**endpoint, "secret": secret}


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/webhook_endpoints/{id}``; ``disabled`` stops deliveries."""
    endpoint = account.get("webhook_endpoint", id)
    endpoint.update({name: params[name] for name in CHANGEABLE if name in params})
    endpoint["metadata"] = merged(endpoint["metadata"], params.get("metadata"))
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    return endpoint


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/webhook_endpoints/{id}``."""
    return account.get("webhook_endpoint", id)


def delete(account: Account, params: Json, id: str) -> Json:
    """``DELETE /v1/webhook_endpoints/{id}``."""
    account.get("webhook_endpoint", id)
    del account.tables["webhook_endpoint"][id]
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


def index(account: Account, params: Json) -> Json:
    """``GET /v1/webhook_endpoints``."""
    return page("/v1/webhook_endpoints", newest_first(account, "webhook_endpoint", params), params)


def post(owner: Account, event: Json, *, connected: str | None) -> int:
    """Post an event to the account's endpoints that want it, and return how many they are.

    ``connected`` names the connected account of the event, which only Connect endpoints receive.
    """
    wanting = [
        endpoint
        for endpoint in owner.each("webhook_endpoint", status="enabled")
        if _wants(owner, endpoint, event, connected)
    ]
    sent = {**event, "account": connected} if connected else event
    body = json.dumps(
        {**sent, "pending_webhooks": len(wanting), "api_version": API_VERSION}, indent=2
    )
    for endpoint in wanting:
        owner.shared.outbox.post(
            owner.shared.wall(),
            provider="stripe",
            event_id=event["id"],
            event_type=event["type"],
            endpoint_id=endpoint["id"],
            url=endpoint["url"],
            secret=owner.secret(endpoint["id"])["secret"],
            body=body,
        )
    return len(wanting)


def _wants(owner: Account, endpoint: Json, event: Json, connected: str | None) -> bool:
    """Whether an endpoint listens for this event type and its origin."""
    enabled = endpoint["enabled_events"]
    return owner.secret(endpoint["id"])["connect"] == bool(connected) and (
        "*" in enabled or event["type"] in enabled
    )


def sign(delivery: Delivery, now: float) -> dict[str, str]:
    """Sign one attempt, with its own timestamp."""
    stamp = int(now)
    signed = f"{stamp}.{delivery.body}".encode()
    digest = hmac.new(delivery.secret.encode(), signed, hashlib.sha256).hexdigest()
    return {
        "Stripe-Signature": f"t={stamp},v1={digest}",
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
