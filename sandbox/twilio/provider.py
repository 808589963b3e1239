"""Twilio's front door: who asks, what for, and what goes wrong on the way. Nothing is idempotent
here, as at Twilio.
"""

import base64
import json
import re
import time
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.faults import Fault
from sandbox.ground import Ground
from sandbox.request_log import LoggedRequest
from sandbox.stripe.exchange import HTML, Answer, Request
from sandbox.twilio import accounts, carrier, messages, parameters, webhooks
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, TwilioError, missing

ONE = re.compile(
    r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/((?:SM|MM)[0-9a-fA-F]{32})\.json"
)
ACCOUNT = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})\.json")
ALL = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages\.json")


@dataclass(frozen=True)
class Operation:
    """What an address means: its name in Twilio's specification, what performs it, the status of
    success.
    """

    name: str
    perform: Callable[..., Any]
    status: int = 200


OPERATIONS = {
    ("GET", ACCOUNT): Operation("FetchAccount", accounts.retrieve),
    ("POST", ALL): Operation("CreateMessage", messages.create, 201),
    ("GET", ALL): Operation("ListMessage", messages.index),
    ("GET", ONE): Operation("FetchMessage", messages.retrieve),
    ("POST", ONE): Operation("UpdateMessage", messages.update),
    ("DELETE", ONE): Operation("DeleteMessage", messages.delete, 204),
}


class Twilio:
    """The stand-in's state and its answers; ``serve`` needs no HTTP."""

    def __init__(self, ground: Ground) -> None:
        """Open the books on a ground."""
        self.ground = ground
        self.pause: Callable[[float], None] = time.sleep
        self.clear()

    def clear(self) -> None:
        """Forget all messages, opt-outs and senders."""
        self.books = Books(self.ground)
        self.ground.outbox.signers["twilio"] = webhooks.sign
        self.ground.agenda.happenings[carrier.MOVES] = lambda _account, sid: carrier.move(
            self.books, sid
        )

    def serve(self, request: Request) -> Answer:
        """Answer one request; every one is logged, whatever becomes of it."""
        entry = LoggedRequest(
            self.ground.wall(), "twilio", request.method, request.path, "", None, None
        )
        with self.ground.lock:
            self.ground.requests.note(entry)
            self.ground.tick()
            fault = self.ground.faults.take("twilio", request.method, request.path)
        entry.fault = fault.kind if fault else None
        answer = self._struck(request, entry, fault)
        entry.status = 0 if answer.ending else answer.status
        entry.performed = answer.performed
        answer.headers.setdefault("Content-Type", "application/json")
        return answer

    def _struck(self, request: Request, entry: LoggedRequest, fault: Fault | None) -> Answer:
        """Answer with or without the fault's doing."""
        early = trouble(fault.kind, fault.seconds) if fault else None
        if early:
            return early
        if fault and fault.kind == "slow":
            self.pause(fault.seconds)
        answer = self._performed(request, entry)
        if fault and fault.kind == "timeout_after":
            answer.ending, answer.seconds = "hang", fault.seconds
        elif fault and fault.kind == "refuse_after":
            answer.ending = "reset"
        elif fault and fault.kind == "error_500_after" and answer.performed:
            answer.status, answer.body = (
                500,
                json.dumps(TwilioError(500, 20500, "An internal server error has occurred").body),
            )
        return answer

    def _performed(self, request: Request, entry: LoggedRequest) -> Answer:
        """Check and do what is asked; errors become answers."""
        try:
            operation, account, ids = _operation(request)
            entry.account = account
            self._authenticate(request, account)
            form = parameters.check(operation.name, request.form)
            entry.params = form
            with self.ground.lock:
                made: Json | None = operation.perform(self.books, account, form, *ids)
                body = "" if made is None else json.dumps(made)
            return Answer(operation.status, body, performed=True)
        except TwilioError as error:
            return Answer(error.status, json.dumps(error.body))

    def _authenticate(self, request: Request, account: str) -> None:
        """Basic credentials: the account's own sid and token."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, token = base64.b64decode(text, validate=True).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            user, token = "", ""
        if (
            scheme.lower() != "basic"
            or user != account
            or not token
            or self.books.tokens.get(account) != token
        ):
            raise TwilioError(401, 20003, "Authenticate")


def _operation(request: Request) -> tuple[Operation, str, tuple[str, ...]]:
    """The operation at an address, the account and the ids in it."""
    for (method, pattern), operation in OPERATIONS.items():
        found = pattern.fullmatch(request.path)
        if found and method == request.method:
            return operation, found[1], found.groups()[1:]
    raise missing(request.path)


def trouble(kind: str, seconds: float) -> Answer | None:
    """The answer of a fault that strikes before anything is done; ``None`` if it strikes later."""
    server_error = json.dumps(TwilioError(500, 20500, "An internal server error has occurred").body)
    answers = {
        "timeout_before": Answer(0, "", ending="hang", seconds=seconds),
        "refuse": Answer(0, "", ending="reset"),
        "error_500": Answer(500, server_error),
        "error_500_stored": Answer(500, server_error),
        "bad_gateway": Answer(502, HTML, {"Content-Type": "text/html"}),
        "rate_limit_429": Answer(
            429, json.dumps(TwilioError(429, 20429, "Too Many Requests").body)
        ),
        "conflict_409": Answer(409, json.dumps(TwilioError(409, 20409, "Conflict").body)),
    }
    return answers.get(kind)
