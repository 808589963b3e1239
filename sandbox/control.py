"""The control API: faults, chaos, the clock, and a view of the sandbox's own records."""

import json
from dataclasses import asdict
from typing import Any

import falcon

from sandbox.sandbox import Sandbox
from sandbox.stripe.actions import act
from sandbox.stripe.errors import ApiError
from sandbox.stripe.ledger import ledger
from sandbox.wire import App


class Control:
    """Resources under ``/sandbox``; each responder takes or returns one JSON object."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Control a sandbox."""
        self.sandbox = sandbox
        self.shared = sandbox.shared

    def on_get_health(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Report that the sandbox is running."""
        resp.media = {"status": "ok", "now": self.shared.now()}

    def on_post_reset(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Forget everything."""
        self.sandbox.reset()
        resp.media = {"reset": True}

    def on_get_ledger(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the money as the sandbox knows it."""
        with self.shared.lock:
            resp.media = ledger(self.sandbox.stripe.accounts)

    def on_get_requests(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the requests received, filtered by any of their fields."""
        with self.shared.lock:
            resp.media = {
                "requests": self.shared.requests.select(
                    {name: str(value) for name, value in req.params.items()}
                )
            }

    def on_get_settings(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the settings."""
        resp.media = asdict(self.shared.settings)

    def on_post_settings(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change some settings; a seed restarts the chaos."""
        changes = body_of(req)
        with self.shared.lock:
            self.shared.settings.update(changes)
            if "seed" in changes:
                self.shared.outbox.reseed()
            resp.media = asdict(self.shared.settings)

    def on_post_clock(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Move business time on by ``advance`` seconds, and run what falls due."""
        with self.shared.lock:
            self.shared.moved_by += float(body_of(req).get("advance", 0))
            happened = self.shared.tick()
        resp.media = {"now": self.shared.now(), "happened": happened}

    def on_post_act(self, req: falcon.Request, resp: falcon.Response, id: str, action: str) -> None:
        """Perform a test action on one of Stripe's objects."""
        resp.media = act(self.sandbox.stripe, id, action, body_of(req))


class FaultControl:
    """Resources under ``/sandbox/faults``."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Control a sandbox's faults."""
        self.sandbox = sandbox
        self.shared = sandbox.shared

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the faults, including those used up."""
        with self.shared.lock:
            resp.media = {"faults": [asdict(fault) for fault in self.shared.faults.active]}

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Order a fault."""
        fault = self.sandbox.inject_fault(**body_of(req))
        resp.status, resp.media = falcon.HTTP_201, asdict(fault)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str | None = None) -> None:
        """Withdraw one fault, or all."""
        with self.shared.lock:
            self.shared.faults.clear(id)
        resp.status = falcon.HTTP_204


class DeliveryControl:
    """Resources for webhook deliveries."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Control a sandbox's outbox."""
        self.shared = sandbox.shared

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List deliveries, newest last, filtered by any of their fields."""
        with self.shared.lock:
            rows = [delivery.seen() for delivery in self.shared.outbox.all.values()]
            is_idle = self.shared.outbox.idle()
        found = [
            row
            for row in rows
            if all(str(row.get(name)) == value for name, value in req.params.items())
        ]
        resp.media = {"deliveries": found, "idle": is_idle}

    def on_post_release(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Stop holding deliveries, and send those that were held."""
        with self.shared.lock:
            self.shared.settings.hold = False
            released = self.shared.outbox.release(self.shared.wall())
            self.shared.changed.notify_all()
        resp.media = {"released": released}

    def on_post_redeliver(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Send an event again."""
        with self.shared.lock:
            again = self.shared.outbox.redeliver(id, self.shared.wall())
            self.shared.changed.notify_all()
        resp.media = {"redelivered": again}


def body_of(req: falcon.Request) -> dict[str, Any]:
    """Read a JSON object; an empty body counts as an empty object."""
    body = json.loads(req.bounded_stream.read() or b"{}")
    if not isinstance(body, dict):
        raise falcon.HTTPBadRequest(title="Not an object", description="send one JSON object")
    return body


def refuse_value(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    """Answer 400 to a control request with invalid values."""
    raise falcon.HTTPBadRequest(title="Refused", description=str(error))


def refuse_api(
    req: falcon.Request, resp: falcon.Response, error: ApiError, params: dict[str, Any]
) -> None:
    """Answer with Stripe's error."""
    resp.status, resp.media = error.status, error.body


def add_routes(app: App, sandbox: Sandbox) -> None:
    """Put the control API under ``/sandbox``."""
    control, faults, deliveries = Control(sandbox), FaultControl(sandbox), DeliveryControl(sandbox)
    for name in ("health", "reset", "ledger", "requests", "settings", "clock"):
        app.add_route(f"/sandbox/{name}", control, suffix=name)
    app.add_route("/sandbox/stripe/{id}/{action}", control, suffix="act")
    app.add_route("/sandbox/faults", faults)
    app.add_route("/sandbox/faults/{id}", faults)
    app.add_route("/sandbox/deliveries", deliveries)
    app.add_route("/sandbox/deliveries/release", deliveries, suffix="release")
    app.add_route("/sandbox/events/{id}/redeliver", deliveries, suffix="redeliver")
    app.add_error_handler(ApiError, refuse_api)
    app.add_error_handler((ValueError, TypeError), refuse_value)
