"""How these stand-ins serve a request: credentials, operation, faults.

Paths are the real ones, each host below a label: `/accounts/o/oauth2/v2/auth`, `/oauth2/token`,
`/www/calendar/v3/freeBusy`; an OAuth server's are below `/oauth/`, the others below `/open-dental/`
and `/nexhealth/`.
"""

import base64
import json
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlencode

from sandbox.integrations.authorization import Authorization
from sandbox.integrations.errors import IntegrationError
from sandbox.integrations.practice import Practice
from sandbox.provider_server import ProviderServer, Refusals
from sandbox.request_log import LoggedRequest
from sandbox.stripe.exchange import Answer, Request

PROVIDERS = {
    "/accounts/": "google",
    "/oauth2/": "google",
    "/www/": "google",
    "/oauth/": "oauth",
    "/open-dental/": "open_dental",
    "/nexhealth/": "nexhealth",
}
# parameters that must not be logged
NOT_LOGGED = frozenset(
    {"code", "code_verifier", "client_secret", "refresh_token", "token", "state", "code_challenge"}
)


class Integrations(ProviderServer):
    """The stand-ins' state and answers; ``serve`` needs no HTTP."""

    refusals: ClassVar[Refusals] = {
        "error_500": (500, {"error": "server_error"}),
        "rate_limit_429": (
            429,
            {"error": {"code": 429, "errors": [{"reason": "rateLimitExceeded"}]}},
        ),
        "forbidden_403": (403, {"error": {"code": 403, "errors": [{"reason": "forbidden"}]}}),
        "refused_400": (400, {"error": "invalid_grant"}),
        "conflict_409": (409, {"error": "conflict"}),
    }

    def clear(self) -> None:
        """Forget all clients, grants, keys and calendars."""
        self.google = Authorization(self.shared, "google", "ya29.", "1//0")
        self.oauth = Authorization(self.shared, "oauth", "oat_", "ort_")
        self.practice = Practice(self.shared)

    def _provider(self, request: Request) -> str:
        return next(name for prefix, name in PROVIDERS.items() if request.path.startswith(prefix))

    def _performed(self, request: Request, entry: LoggedRequest) -> Answer:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        try:
            body = _read(request)
            entry.params = {
                key: value for key, value in (query | body).items() if key not in NOT_LOGGED
            }
            with self.shared.lock:
                made = self._answer(request, query, body)
        except IntegrationError as error:
            return Answer(error.status, json.dumps(error.body))
        except (KeyError, ValueError, TypeError):
            return Answer(400, json.dumps({"error": "invalid_request"}))
        if isinstance(made, Answer):
            return made
        return Answer(200, json.dumps(made), performed=True)

    def _answer(self, request: Request, query: dict[str, str], body: dict[str, Any]) -> Any:
        authorization = request.headers.get("authorization", "")
        practice = self.practice
        places: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "/accounts/o/oauth2/v2/auth"): lambda: _sent_back(self.google, query),
            ("POST", "/oauth2/token"): lambda: self.google.token(body),
            ("POST", "/oauth2/revoke"): lambda: self.google.revoke(body["token"]),
            ("GET", "/www/calendar/v3/users/me/calendarList"): lambda: (
                self.google.check(authorization) and practice.calendars()
            ),
            ("POST", "/www/calendar/v3/freeBusy"): lambda: (
                self.google.check(authorization) and practice.free_busy(body)
            ),
            ("GET", "/oauth/authorize"): lambda: _sent_back(self.oauth, query),
            ("POST", "/oauth/token"): lambda: self.oauth.token(body | _basic(authorization)),
            ("POST", "/oauth/revoke"): lambda: self.oauth.revoke(body["token"]),
            ("GET", "/oauth/me"): lambda: self.oauth.check(authorization) and {"id": "practice"},
            ("GET", "/open-dental/appointments/Slots"): lambda: practice.open_dental_slots(
                authorization, query
            ),
            ("POST", "/nexhealth/authenticates"): lambda: practice.authenticate(authorization),
            ("GET", "/nexhealth/available_slots"): lambda: practice.nexhealth_slots(
                authorization, query
            ),
        }
        perform = places.get((request.method, request.path))
        if perform is None:
            raise IntegrationError(404, {"error": "not_found"})
        return perform()


def _sent_back(server: Authorization, query: dict[str, str]) -> Answer:
    """Consent at once, and redirect the browser back."""
    back = urlencode(server.consent(query))
    address = query["redirect_uri"]
    where = f"{address}{'&' if '?' in address else '?'}{back}"
    return Answer(302, "", {"Location": where, "Content-Type": "text/plain"}, performed=True)


def _basic(authorization: str) -> dict[str, str]:
    scheme, _, code = authorization.partition(" ")
    if scheme != "Basic":
        return {}
    client, _, secret = base64.b64decode(code).decode("latin-1").partition(":")
    return {"client_id": unquote(client), "client_secret": unquote(secret)}


def _read(request: Request) -> dict[str, Any]:
    """Read a form, or a JSON object."""
    if "json" in request.headers.get("content-type", "") and request.body:
        document = json.loads(request.body)
        return document if isinstance(document, dict) else {}
    return dict(parse_qsl(request.body, keep_blank_values=True))
