"""An account's webhook endpoints: find, register, change, disable, delete, reseal."""

import base64
import secrets
from datetime import datetime
from typing import Any

from peewee import ModelSelect

from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage_again
from models.feed.outgoing_event import feed_key, last_event
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import serialize_on, transaction
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.secret_box import is_newest, seal, unseal

MOST = 20  # endpoints for one account
# a multiple of three: libraries for Go and .NET refuse base64 that lacks its padding
SECRET_BYTES = 33


def endpoints_of(account: Account) -> "ModelSelect[Any]":
    """Query the account's endpoints, without deleted ones."""
    return WebhookEndpoint.select().where(
        WebhookEndpoint.account == account, WebhookEndpoint.state != "deleted"
    )


def find_endpoint(account: Account, endpoint_id: str) -> WebhookEndpoint:
    """Return the account's own endpoint. Raises Refused `not_found`."""
    endpoint: WebhookEndpoint | None = (
        endpoints_of(account).where(WebhookEndpoint.id == endpoint_id).first()
    )
    if endpoint is None:
        raise Refused("not_found", f"There is no webhook endpoint {endpoint_id[:40]}.")
    return endpoint


def register_endpoint(account: Account, url: str, events: list[str], actor: str) -> WebhookEndpoint:
    """Register an endpoint with a fresh secret; an empty `events` subscribes to all. Raises Refused
    `invalid` when the account has the maximum number of endpoints.
    """
    with transaction():
        serialize_on(f"endpoints:{account.id}")  # concurrent requests must not both pass the limit
        if endpoints_of(account).count() >= MOST:
            raise Refused(
                "invalid", f"An account has at most {MOST} webhook endpoints; delete one first."
            )
        endpoint = WebhookEndpoint.register(account, url, events, seal(new_secret()), real_now())
        _audit(endpoint, actor, "endpoint.registered", events=events)
    return endpoint


def change_endpoint(
    account: Account, endpoint_id: str, wanted: dict[str, Any], actor: str
) -> WebhookEndpoint:
    """Change `url`, `events` or `enabled` as given in `wanted`. A new URL, or enabling the
    endpoint, is a fresh start: its waiting deliveries are released at once. Raises Refused
    `not_found`.
    """
    with transaction():
        endpoint = _locked(account, endpoint_id)
        url, events, enabled = (wanted.get(name) for name in ("url", "events", "enabled"))
        moved = url is not None and url != endpoint.url
        endpoint.record_changed(
            url=url or endpoint.url, events=endpoint.events if events is None else events
        )
        if enabled is False and endpoint.state == "active":
            disable_endpoint(endpoint, real_now())
        elif (enabled and endpoint.state == "disabled") or (moved and endpoint.state == "active"):
            endpoint.record_enabled()
            _release(endpoint)
        _audit(endpoint, actor, "endpoint.changed", changed=sorted(wanted), status=endpoint.state)
    return endpoint


def delete_endpoint(account: Account, endpoint_id: str, actor: str) -> None:
    """Delete an endpoint: cancel its waiting deliveries and erase its secret. Raises Refused
    `not_found`.
    """
    with transaction():
        endpoint = _locked(account, endpoint_id)
        endpoint.record_deleted(real_now())
        _release(endpoint)
        _audit(endpoint, actor, "endpoint.deleted")


def disable_endpoint(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Stop delivering to a locked endpoint: record where in the feed to resume, and cancel its
    waiting deliveries.
    """
    first = WebhookDelivery.first_waiting(endpoint)
    endpoint.record_disabled(first.event_id - 1 if first else last_event(endpoint.account_id), now)
    _release(endpoint)


def reseal_endpoint(endpoint: WebhookEndpoint, actor: str) -> bool:
    """Seal the endpoint's secret under the newest key. Return False if it already is, or was
    changed concurrently. Raises Misconfigured when none of the keys opens it.
    """
    if is_newest(endpoint.secret):
        return False
    sealed = seal(unseal(endpoint.secret))
    with transaction():
        changed = endpoint.record_resealed(sealed)
        if changed:
            AuditEntry.record(
                actor,
                "webhook_endpoint.resealed",
                f"webhook_endpoint:{endpoint.id}",
                endpoint.account_id,
            )
    return changed


def new_secret() -> str:
    """Return a fresh secret, `whsec_…`, of letters and digits only, so that the log redaction
    recognises all of it.
    """
    while True:
        text = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        if text.isalnum():
            return f"whsec_{text}"


def _locked(account: Account, endpoint_id: str) -> WebhookEndpoint:
    """Lock the feed of the account and return its endpoint, so that changes and failure reports
    take turns. Raises Refused `not_found`.
    """
    serialize_on(feed_key(account.id))
    return find_endpoint(account, endpoint_id)


def _release(endpoint: WebhookEndpoint) -> None:
    """Stage the job that releases the endpoint's waiting deliveries, or cancels them if it is
    disabled or deleted.
    """
    stage_again("release_deliveries", f"{endpoint.id}:0", endpoint.id, 0, fair_to=endpoint.turn)


def _audit(endpoint: WebhookEndpoint, actor: str, action: str, **detail: Any) -> None:
    AuditEntry.record(actor, action, f"endpoint:{endpoint.id}", endpoint.account_id, **detail)
