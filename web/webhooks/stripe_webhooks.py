"""Stripe's webhooks: a signed event becomes an inbox row and a staged job in one commit."""

from collections.abc import Sequence
from typing import Any

import falcon
from structlog.contextvars import bind_contextvars

from actions.books.receive_event import StripeEvent, read_stripe_event, store_stripe_events
from models.shared_commit import in_shared_commit
from providers.stripe.client import API_VERSION
from providers.stripe.signature import BadSignature, verify_signature
from runtime.clock import real_seconds
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.settings import get_settings
from web.http.body import TooDeep, parse_json, read_raw, refuse_unstorable
from web.http.problems import Problem
from web.http.responses import Shown
from web.openapi.openapi import documented

THIN = "v2.core.event"  # docs.stripe.com/event-destinations: "thin events"

log = get_log("webhooks")


class Received(Shown):
    """The event was stored."""

    received: bool


RECEIVED = Received(received=True).model_dump_json().encode()
WEBHOOK_PROBLEMS = ("bad_signature", "body_too_large")


class StripeWebhook:
    """`/api/webhooks/stripe`: events of the platform's own account."""

    connect = False

    @documented("Webhooks", {200: Received}, problems=WEBHOOK_PROBLEMS, auth="signature")
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Store the event.

        400: not signed, not an event, or a thin one. 503: not stored, send it again.

        An event whose mode (test, live) is not our key's is stored as refused, and changes nothing.
        """
        event, text = self._read(req)
        bind_contextvars(event_id=event["id"])
        inbox_id = in_shared_commit(_store, read_stripe_event(event, text))
        killpoint("web.after_commit")
        log.info("event received", type=str(event.get("type", "")), duplicate=inbox_id is None)
        resp.data = RECEIVED

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets of this endpoint; Stripe gives each endpoint its own."""
        return get_settings().webhook_secrets

    def _read(self, req: falcon.Request) -> tuple[dict[str, Any], str]:
        try:
            text = verify_signature(
                read_raw(req), req.get_header("Stripe-Signature"), self.secrets, real_seconds()
            )
        except BadSignature as error:
            log.warning(
                "bad_signature",
                endpoint="connect" if self.connect else "platform",
                reason=str(error),
            )
            raise Problem("bad_signature", str(error)) from None
        try:
            event = parse_json(text)
        except TooDeep as error:
            raise Problem("bad_request", f"{error}; no Stripe event is that deep.") from None
        except ValueError:
            raise Problem(
                "bad_request", "The signature is valid, but the body is not JSON."
            ) from None
        _check_is_event(event)
        try:
            # the rest is stored verbatim
            refuse_unstorable([event["id"], event.get("type"), event.get("account")])
        except ValueError as error:
            raise Problem(
                "bad_request", f"The event's id, type or account cannot be stored: {error}."
            ) from None
        if not isinstance(event.get("data"), dict) or not isinstance(
            event["data"].get("object"), dict
        ):
            raise Problem("bad_request", f"Event {event['id'][:60]} has no data.object.")
        if self.connect != bool(event.get("account")):
            raise Problem(
                "bad_request",
                f"Event {event['id'][:60]} came to the wrong endpoint: /connect takes events of"
                " connected accounts.",
            )
        return event, text


def _store(events: Sequence[StripeEvent]) -> list[int | None]:
    inbox_ids = store_stripe_events(events)
    killpoint("web.before_commit")
    return inbox_ids


def _check_is_event(event: Any) -> None:
    """Raises Problem 400 unless this is a Stripe event with an id, and not a thin one."""
    if isinstance(event, dict) and str(event.get("object")).startswith(THIN):
        raise Problem(
            "bad_request",
            "This is a thin event (v2.core.event), which says what changed but not how; thin events"
            " are not accepted. In Stripe's Workbench, create an endpoint for this URL with payload"
            f" style snapshot and API version {API_VERSION}, and delete this one.",
        )
    if (
        not isinstance(event, dict)
        or event.get("object") != "event"
        or not isinstance(event.get("id"), str)
        or not event["id"]
    ):
        raise Problem(
            "bad_request",
            "The signature is valid, but the body is not a Stripe event with an id.",
        )


class ConnectWebhook(StripeWebhook):
    """`/api/webhooks/stripe/connect`: events of connected accounts."""

    connect = True

    @documented("Webhooks", {200: Received}, problems=WEBHOOK_PROBLEMS, auth="signature")
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Store an event of a connected account, in the same way."""
        super().on_post(req, resp)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets of this endpoint."""
        return get_settings().connect_webhook_secrets
