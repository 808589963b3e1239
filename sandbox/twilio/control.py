"""What a test may make happen at Twilio: accounts, senders, numbers that fail, people who text."""

import json
from dataclasses import asdict
from typing import Any

import falcon

from sandbox.twilio import carrier
from sandbox.twilio.account import Sender
from sandbox.twilio.errors import TwilioError
from sandbox.twilio.provider import Twilio
from sandbox.wire import App

ACCOUNT_LENGTH = 34


class TwilioControl:
    """Resources under ``/sandbox/twilio``."""

    def __init__(self, twilio: Twilio) -> None:
        """Control a stand-in."""
        self.twilio = twilio

    def on_post_inbound(self, req: falcon.Request, resp: falcon.Response) -> None:
        """A person texts: ``{from, to, body}``; ``to`` is a number or a messaging service."""
        body = _body(req)
        with self.twilio.ground.lock:
            resp.media = carrier.receive(self.twilio.books, body["from"], body["to"], body["body"])

    def on_post_senders(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give the account a number: ``{number, service?, sms_url?}``; the same number again
        replaces it.
        """
        sender = Sender(**_body(req))
        add_sender(self.twilio, sender)
        resp.media = asdict(sender)

    def on_post_accounts(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Open an account: ``{sid, token}``; it is the one whose numbers people text."""
        body = _body(req)
        add_account(self.twilio, body["sid"], body["token"])
        resp.media = {"sid": body["sid"]}

    def on_post_numbers(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let texts to a number fail later, from now on: ``{number, error_code}``; no code lets
        them arrive again.
        """
        body = _body(req)
        with self.twilio.ground.lock:
            self.twilio.books.outcomes[body["number"]] = int(body.get("error_code") or 0)
        resp.media = body

    def on_post_carrier(self, req: falcon.Request, resp: falcon.Response) -> None:
        """How many seconds pass between two statuses: ``{step}``."""
        with self.twilio.ground.lock:
            self.twilio.books.step = int(_body(req)["step"])
        resp.media = {"step": self.twilio.books.step}

    def on_get_messages(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Every message, oldest first; any field may filter."""
        with self.twilio.ground.lock:
            rows = [dict(message) for message in self.twilio.books.messages.values()]
        resp.media = {
            "messages": [
                row
                for row in rows
                if all(str(row.get(name)) == value for name, value in req.params.items())
            ]
        }


def _body(req: falcon.Request) -> dict[str, Any]:
    """Read a JSON object; raises ``ValueError`` for anything else."""
    body = json.loads(req.bounded_stream.read() or b"{}")
    if not isinstance(body, dict):
        raise TypeError("send one JSON object")
    return body


def add_sender(twilio: Twilio, sender: Sender) -> None:
    """Add a number, or replace it."""
    with twilio.ground.lock:
        twilio.books.senders = [
            *(each for each in twilio.books.senders if each.number != sender.number),
            sender,
        ]


def add_account(twilio: Twilio, sid: str, token: str) -> None:
    """Open an account before the others, so that incoming texts are its own."""
    if not sid.startswith("AC") or len(sid) != ACCOUNT_LENGTH:
        raise ValueError("an account's sid is AC and 32 hexadecimal digits")
    with twilio.ground.lock:
        twilio.books.tokens = {sid: token} | twilio.books.tokens


def refuse(
    req: falcon.Request, resp: falcon.Response, error: TwilioError, params: dict[str, Any]
) -> None:
    """Answer in Twilio's words."""
    resp.status, resp.media = error.status, error.body


def missing_field(
    req: falcon.Request, resp: falcon.Response, error: KeyError, params: dict[str, Any]
) -> None:
    """Name the field that a control request lacks."""
    raise falcon.HTTPBadRequest(title="Refused", description=f"{error} is missing")


def add_routes(app: App, twilio: Twilio) -> None:
    """Put the control of Twilio under ``/sandbox/twilio``."""
    control = TwilioControl(twilio)
    for name in ("inbound", "senders", "accounts", "numbers", "carrier", "messages"):
        app.add_route(f"/sandbox/twilio/{name}", control, suffix=name)
    app.add_error_handler(TwilioError, refuse)
    app.add_error_handler(KeyError, missing_field)
