"""How the stand-in for Vapi serves a request: key, operation, faults. As at Vapi, nothing is
idempotent.
"""

import json
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from sandbox.provider_server import ProviderServer, Refusals
from sandbox.request_log import LoggedRequest, without_secrets
from sandbox.shared import Shared
from sandbox.stripe.exchange import Answer, Request
from sandbox.twilio.provider import Twilio
from sandbox.vapi import calls, files, live, phone_numbers
from sandbox.vapi.books import Books
from sandbox.vapi.errors import VapiError, failure, invalid
from sandbox.vapi.operations import Call, check_query, operation_at
from sandbox.vapi.twilio_link import TwilioLink

NOT_LOGGED = frozenset({"twilioAuthToken", "twilioApiSecret", "headers"})
REFUSALS = {
    "error_500": failure(500, "Internal Server Error", "Internal server error"),
    "rate_limit_429": failure(429, "Too Many Requests", "Rate limit exceeded"),
    "conflict_409": failure(409, "Conflict", "This is being changed by somebody else"),
    "forbidden_403": failure(403, "Forbidden", "Key doesn't allow this"),
    "refused_400": failure(400, "Bad Request", ["this is not possible just now"]),
}


class Vapi(ProviderServer):
    """The stand-in's state and its answers; ``serve`` needs no HTTP."""

    refusals: ClassVar[Refusals] = {
        kind: (error.status, error.body) for kind, error in REFUSALS.items()
    }

    def __init__(self, shared: Shared, twilio: Twilio) -> None:
        """Start empty, on the state that all stand-ins share; numbers are those of Twilio's
        stand-in.
        """
        self.line = TwilioLink(twilio)
        super().__init__(shared)

    def clear(self) -> None:
        """Forget all objects, bills and keys."""
        self.books = Books(self.shared)
        self.line.answer_sip(lambda *call: phone_numbers.answers_sip(self.books, *call))
        callbacks = self.shared.timers.callbacks
        callbacks[files.READ] = lambda _org, file: files.read(self.books, file)
        callbacks[calls.GOES_ON] = lambda _org, call: calls.go_on(self.books, call)
        self.shared.outbox.signers["vapi"] = calls.sign
        callbacks[phone_numbers.ACTIVATES] = lambda _org, number: phone_numbers.activate(
            self.books, number
        )

    def _provider(self, request: Request) -> str:
        return "vapi"

    def _performed(self, request: Request, entry: LoggedRequest) -> Answer:
        """Check and perform a request; errors become answers."""
        try:
            if request.path.startswith(f"/{live.LIVE}/"):
                return self._controlled(request, entry)
            self._authenticate(request)
            operation, object_id = operation_at(request.method, request.path)
            call = self._read(request, object_id)
            given = call.query if call.body is None else call.body
            entry.params = without_secrets(given, NOT_LOGGED)
            with self.shared.lock:
                made = operation.perform(call)
                if request.method == "GET" and request.path.startswith("/call/"):
                    made = live.with_address(made, request.base_url)
                body = json.dumps(made)
            if isinstance(made, dict) and set(made) == {"location"}:
                return Answer(302, "", {"Location": made["location"]})
            return Answer(operation.status, body, performed=True)
        except VapiError as error:
            return Answer(error.status, json.dumps(error.body))

    def _controlled(self, request: Request, entry: LoggedRequest) -> Answer:
        """Perform a live control request."""
        entry.params = body = _json(request.body.encode("latin-1"), "application/json")
        with self.shared.lock:
            given = request.headers.get("authorization", "")
            made = live.tell(self.books, request.path, given, body)
        return Answer(200, json.dumps(made), performed=True)

    def _read(self, request: Request, id: str) -> Call:
        """Read the request's parts; raises for a body that should be JSON and is not."""
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        check_query(request.method, query)
        raw = request.body.encode("latin-1")
        kind = request.headers.get("content-type", "")
        is_form = kind.lower().startswith("multipart/")
        body = None if is_form or not raw else _json(raw, kind)
        return Call(self.books, self.line, id, query, body, raw, kind)

    def _authenticate(self, request: Request) -> None:
        """Refuse a request without one of the organization's private keys as bearer token."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key not in self.books.keys:
            raise failure(401, "Unauthorized", "Invalid Key.")


def _json(raw: bytes, content_type: str) -> Any:
    if not content_type.startswith("application/json"):
        raise failure(415, "Unsupported Media Type", "send application/json")
    try:
        return json.loads(raw)
    except ValueError:
        raise invalid("the body is no JSON") from None
