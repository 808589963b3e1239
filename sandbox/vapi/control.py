"""What a test can do at Vapi: add keys, change habits, edit in the dashboard; and what
it can see.
"""

from dataclasses import asdict

import falcon

from sandbox.control import body_of
from sandbox.vapi import assistants, calls, phone_numbers
from sandbox.vapi.callers import SCRIPTS
from sandbox.vapi.errors import VapiError
from sandbox.vapi.provider import Vapi
from sandbox.wire import App


class VapiControl:
    """Resources under ``/sandbox/vapi``."""

    def __init__(self, vapi: Vapi) -> None:
        """Control a stand-in."""
        self.vapi = vapi

    def on_post_keys(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Add a private key: ``{key}``."""
        add_key(self.vapi, str(body_of(req)["key"]))
        resp.media = {"keys": len(self.vapi.books.keys)}

    def on_post_habits(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change how the stand-in behaves: ``{read_after?, active_after?,
        patch_publishes?, …}``.
        """
        changes = body_of(req)
        with self.vapi.shared.lock:
            self.vapi.books.habits.update(changes)
            resp.media = asdict(self.vapi.books.habits)

    def on_post_edit(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Edit an assistant as in the dashboard: ``{assistant, changes, publish?}``."""
        body = body_of(req)
        resp.media = edit(
            self.vapi, body["assistant"], body["changes"], bool(body.get("publish", True))
        )

    def on_post_callers(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set who answers at a number, or without one, at every other: ``{number?, script, who?}``;
        `who` is what they say to `verifyCaller`.
        """
        body = body_of(req)
        number, who = str(body.get("number") or ""), dict(body.get("who") or {})
        resp.media = answers(self.vapi, number, str(body["script"]), who)

    def on_post_incoming(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Call as a person: ``{number, caller, server, is_bare?}``; `server` is where the assistant
        that answers reports to.
        """
        body = body_of(req)
        told = body["number"], body["caller"], body["server"], bool(body.get("is_bare"))
        with self.vapi.shared.lock:
            resp.media = {"id": calls.incoming(self.vapi.books, *told)["id"]}
            self.vapi.shared.changed.notify_all()

    def on_post_tell(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send a message about a call again: ``{call, type}``."""
        body = body_of(req)
        with self.vapi.shared.lock:
            calls.tell(self.vapi.books, body["call"], body["type"])
            self.vapi.shared.changed.notify_all()
        resp.media = {"sent": body["type"]}

    def on_get_objects(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show all objects by kind, oldest first."""
        with self.vapi.shared.lock:
            resp.media = {
                kind: list(rows.values()) for kind, rows in self.vapi.books.tables.items()
            }

    def on_get_ledger(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show what Vapi would charge so far."""
        with self.vapi.shared.lock:
            resp.media = self.vapi.books.billed()

    def on_get_answering(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the assistant that answers calls to ``?number=``, or null."""
        resp.media = {"assistant": answering(self.vapi, req.get_param("number", required=True))}


def add_key(vapi: Vapi, key: str) -> None:
    """Add a private key."""
    with vapi.shared.lock:
        vapi.books.keys.add(key)


def answers(
    vapi: Vapi, number: str, script: str, who: dict[str, object] | None = None
) -> dict[str, object]:
    """Let a script answer at a number, or if `number` is empty, at all others.

    Returns all numbers' scripts; raises ``ValueError`` for an unknown one.
    """
    if script not in SCRIPTS:
        raise ValueError(f"unknown script {script!r}; known: {', '.join(sorted(SCRIPTS))}")
    with vapi.shared.lock:
        vapi.books.callers[number] = {"script": script, "who": who or {}}
        return dict(vapi.books.callers)


def edit(vapi: Vapi, id: str, changes: dict[str, object], publish: bool = True) -> object:
    """Edit an assistant by hand: publish the change, or leave a draft that no call uses."""
    with vapi.shared.lock:
        changed = vapi.books.change("assistant", id, changes)
        return assistants.publish(vapi.books, id) if publish else changed


def answering(vapi: Vapi, number: str) -> dict[str, object] | None:
    """Return the assistant that answers calls to a number, or None until the number is active."""
    with vapi.shared.lock:
        vapi.shared.tick()
        return phone_numbers.answering(vapi.books, number)


def refuse(
    req: falcon.Request, resp: falcon.Response, error: VapiError, params: dict[str, object]
) -> None:
    """Answer with Vapi's error."""
    resp.status, resp.media = error.status, error.body


def add_routes(app: App, vapi: Vapi) -> None:
    """Put the control of Vapi under ``/sandbox/vapi``."""
    control = VapiControl(vapi)
    names = ("keys", "habits", "edit", "callers", "incoming", "tell")
    for name in (*names, "objects", "ledger", "answering"):
        app.add_route(f"/sandbox/vapi/{name}", control, suffix=name)
    app.add_error_handler(VapiError, refuse)
