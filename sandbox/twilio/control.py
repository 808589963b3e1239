"""What a test can do at Twilio: add accounts and senders, make numbers fail, text and call as a
person, set prices; and what Twilio would bill.
"""

import json
import re
from dataclasses import asdict
from typing import Any

import falcon

from sandbox.twilio import carrier, phones, porting
from sandbox.twilio.account import Sender
from sandbox.twilio.errors import TwilioError
from sandbox.twilio.lookups import EVERY_NUMBER, Habit
from sandbox.twilio.provider import Twilio
from sandbox.twilio.registrations import Submission
from sandbox.wire import App

ACCOUNT_LENGTH = 34


class TwilioControl:
    """Resources under ``/sandbox/twilio``."""

    def __init__(self, twilio: Twilio) -> None:
        """Control a stand-in."""
        self.twilio = twilio

    def on_post_inbound(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Text as a person: ``{from, to, body, is_lost?}``; ``to`` can be a messaging service.

        ``POST /sandbox/events/{sid}/redeliver`` delivers a lost webhook after all.
        """
        body = _body(req)
        told = body["from"], body["to"], body["body"], bool(body.get("is_lost"))
        with self.twilio.shared.lock:
            resp.media = carrier.receive(self.twilio.books, *told)

    def on_post_senders(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Add a number to the account, or replace it: ``{number, service?, sms_url?,
        fallback_url?}``.
        """
        sender = Sender(**_body(req))
        add_sender(self.twilio, sender)
        resp.media = asdict(sender)

    def on_post_accounts(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Open an account: ``{sid, token}``. From now on incoming texts belong to it."""
        body = _body(req)
        add_account(self.twilio, body["sid"], body["token"])
        resp.media = {"sid": body["sid"]}

    def on_post_numbers(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make texts to a number fail from now on: ``{number, error_code}``; without a code they
        arrive.
        """
        body = _body(req)
        with self.twilio.shared.lock:
            self.twilio.books.outcomes[body["number"]] = int(body.get("error_code") or 0)
        resp.media = body

    def on_post_keypad(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set how callers type cards: ``{mistyped?: [ErrorType…], result?, token?}``."""
        body = _body(req)
        with self.twilio.shared.lock:
            books = self.twilio.books
            books.mistyped = list(body.get("mistyped") or [])
            books.keypad_result = body.get("result") or "success"
            books.keypad_token = body.get("token") or "pm_card_visa"
        resp.media = body

    def on_post_carrier(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set the seconds between two statuses: ``{step}``."""
        with self.twilio.shared.lock:
            self.twilio.books.step = int(_body(req)["step"])
        resp.media = {"step": self.twilio.books.step}

    def on_get_messages(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List all messages, oldest first, filtered by any of their fields."""
        with self.twilio.shared.lock:
            rows = [dict(message) for message in self.twilio.books.messages.values()]
        resp.media = {
            "messages": [
                row
                for row in rows
                if all(str(row.get(name)) == value for name, value in req.params.items())
            ]
        }


class NumberControl:
    """Resources under ``/sandbox/twilio`` for numbers, calls and registrations."""

    def __init__(self, twilio: Twilio) -> None:
        """Control a stand-in."""
        self.twilio = twilio

    def on_get_ledger(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show what Twilio would bill, fee by fee, and the total."""
        resp.media = self.twilio.ledger()

    def on_get_bought(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List all accounts' numbers, oldest first."""
        with self.twilio.shared.lock:
            resp.media = {"numbers": [dict(row) for row in self.twilio.books.incoming.values()]}

    def on_get_calls(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List all calls, oldest first."""
        with self.twilio.shared.lock:
            resp.media = {"calls": [dict(row) for row in self.twilio.books.calls.values()]}

    def on_post_calls(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Call as a person: ``{from, to}``; ``to`` is one of our numbers, or can forward to one."""
        body = _body(req)
        with self.twilio.shared.lock:
            heard = phones.call_in(self.twilio.books, body["from"], body["to"])
        resp.media = {"status": heard}

    def on_post_phones(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set how an outside telephone behaves: ``{number, answer?, forwards_to?}``; ``answer`` is
        completed, busy, no-answer or failed.
        """
        body = _body(req)
        number, phone = body.pop("number"), phones.Phone(**body)
        with self.twilio.shared.lock:
            phones.set_phone(self.twilio.books, number, phone)
        resp.media = {"number": number, **asdict(phone)}

    def on_post_taken(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let another customer of Twilio take a number, or give it back: ``{number, taken?}``."""
        body = _body(req)
        with self.twilio.shared.lock:
            change = set.add if body.get("taken", True) else set.discard
            change(self.twilio.books.taken, body["number"])
        resp.media = body

    def on_post_standing(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set an account's status and type: ``{sid?, status?, type?}``; type is Trial or Full."""
        body, books = _body(req), self.twilio.books
        with self.twilio.shared.lock:
            sid = body.get("sid") or next(iter(books.tokens))
            books.standing[sid] = body.get("status", books.standing.get(sid, "active"))
            books.kinds[sid] = body.get("type", books.kinds.get(sid, "Full"))
            resp.media = {"sid": sid, "status": books.standing[sid], "type": books.kinds[sid]}

    def on_post_prices(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set the monthly price of a local number: ``{country, price}``, in US dollars."""
        body = _body(req)
        with self.twilio.shared.lock:
            set_price(self.twilio, body["country"], str(body["price"]))
        resp.media = body

    def on_post_registration(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set the seconds in which an emergency address is registered: ``{step}``."""
        with self.twilio.shared.lock:
            self.twilio.books.registration = int(_body(req)["step"])
        resp.media = {"step": self.twilio.books.registration}

    def on_post_ports(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set how ports go: ``step?``, the seconds between two steps; ``lost_uploads?``, how many
        bills arrive empty; for a ``number``, ``unportable?: [code, reason]``, ``rejected?: [code,
        reason]`` and ``wants_pin?``; and for a request's ``sid``, ``put: [its status, its numbers'
        status, reason?]``.
        """
        body, books = _body(req), self.twilio.books
        with self.twilio.shared.lock:
            books.port_step = int(body.get("step", books.port_step))
            books.lost_uploads = int(body.get("lost_uploads", books.lost_uploads))
            for name, table in (("unportable", books.unportable), ("rejected", books.rejections)):
                if name in body:
                    table[body["number"]] = body[name]
            if body.get("wants_pin"):
                books.wants_pin.append(body["number"])
            if "put" in body:
                porting.put(books, body["sid"], *body["put"])
        resp.media = body

    def on_get_ports(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List all port requests, oldest first, each with the time it was last ``updated``."""
        books = self.twilio.books
        with self.twilio.shared.lock:
            resp.media = {
                "ports": [
                    row | {"updated": books.private[sid]["updated"]}
                    for sid, row in books.ports.items()
                ]
            }

    def on_get_trunks(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List all SIP trunks, oldest first."""
        with self.twilio.shared.lock:
            resp.media = {"trunks": [dict(row) for row in self.twilio.books.trunks.values()]}

    def on_post_submissions(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set the state of a sender's registration: ``{sender, status, brand?, code?, words?,
        final?}``. The status NONE means that nothing was submitted, an empty one the default.
        """
        body = _body(req)
        sender, said = body.pop("sender"), Submission(**body)
        with self.twilio.shared.lock:
            self.twilio.books.submissions[sender] = said
        resp.media = {"sender": sender, **asdict(said)}

    def on_post_lookups(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set what lookups of a number return: ``{number?, given_up?, valid?, code?, status?}``;
        without a number, it applies to every number not set.
        """
        body = _body(req)
        number, habit = body.pop("number", EVERY_NUMBER), Habit(**body)
        with self.twilio.shared.lock:
            self.twilio.books.habits[number] = habit
        resp.media = {"number": number, **asdict(habit)}

    def on_post_bundle(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set how a missing bundle is refused: ``{status, code}``; code 0 sends none."""
        body = _body(req)
        with self.twilio.shared.lock:
            self.twilio.books.bundle_refusal = (int(body["status"]), int(body["code"]))
        resp.media = body


def _body(req: falcon.Request) -> dict[str, Any]:
    """Read a JSON object; an empty body is an empty one. Raises ``ValueError`` or ``TypeError``."""
    body = json.loads(req.bounded_stream.read() or b"{}")
    if not isinstance(body, dict):
        raise TypeError("send one JSON object")
    return body


def add_sender(twilio: Twilio, sender: Sender) -> None:
    """Add a number, or replace the sender that has it."""
    with twilio.shared.lock:
        twilio.books.senders = [
            *(each for each in twilio.books.senders if each.number != sender.number),
            sender,
        ]


def set_price(twilio: Twilio, country: str, price: str) -> None:
    """Set the monthly price of a local number; callers hold the lock."""
    if not re.fullmatch(r"\d+(\.\d+)?", price):
        raise ValueError(f"price is a decimal of US dollars such as 1.15, not {price!r}")
    twilio.books.prices[country] = price


def add_account(twilio: Twilio, sid: str, token: str) -> None:
    """Open an account before the others, so that incoming texts belong to it."""
    if not sid.startswith("AC") or len(sid) != ACCOUNT_LENGTH:
        raise ValueError("an account's sid is AC and 32 hexadecimal digits")
    with twilio.shared.lock:
        twilio.books.tokens = {sid: token} | twilio.books.tokens


def refuse(
    req: falcon.Request, resp: falcon.Response, error: TwilioError, params: dict[str, Any]
) -> None:
    """Answer with Twilio's error."""
    resp.status, resp.media = error.status, error.body


def missing_field(
    req: falcon.Request, resp: falcon.Response, error: KeyError, params: dict[str, Any]
) -> None:
    """Answer 400, naming the field that a control request lacks."""
    raise falcon.HTTPBadRequest(title="Refused", description=f"{error} is missing")


def add_routes(app: App, twilio: Twilio) -> None:
    """Put the control of Twilio under ``/sandbox/twilio``."""
    texts, numbers = TwilioControl(twilio), NumberControl(twilio)
    for name in ("inbound", "senders", "accounts", "numbers", "carrier", "messages", "keypad"):
        app.add_route(f"/sandbox/twilio/{name}", texts, suffix=name)
    for name in (
        "ledger",
        "bought",
        "calls",
        "phones",
        "taken",
        "standing",
        "prices",
        "registration",
        "ports",
        "trunks",
        "submissions",
        "lookups",
        "bundle",
    ):
        app.add_route(f"/sandbox/twilio/{name}", numbers, suffix=name)
    app.add_error_handler(TwilioError, refuse)
    app.add_error_handler(KeyError, missing_field)
