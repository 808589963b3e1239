"""Clients for Payphone's API, and for the sandbox as payer and as referee."""

import time
from typing import Any

import httpx

from simulation.expected import Json

PATIENCE, PAUSE = 60.0, 0.25  # seconds
ACCEPTED = 202
GO_ON = "?read=1"  # the link from New York's notice to the payment page


def _is_unknown(answer: httpx.Response) -> bool:
    """Whether the outcome is still unknown: the service is busy, or the first request
    in progress.
    """
    if answer.status_code == httpx.codes.CONFLICT:
        return bool(answer.json().get("code") == "idempotency_in_progress")
    return answer.status_code in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}


def _decoded(answer: httpx.Response) -> Json:
    """Return the decoded answer; raises ``RuntimeError`` for an error."""
    if answer.is_error:
        asked = answer.request
        raise RuntimeError(
            f"{asked.method} {asked.url.path} answered {answer.status_code}: {answer.text[:300]}"
        )
    return dict(answer.json())


class Api:
    """Payphone's HTTP API with one key."""

    def __init__(self, url: str, key: str, account: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} | (
            {"Payphone-Account": account} if account else {}
        )
        self._client = httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False)

    def get(self, path: str, **params: Any) -> Json:
        """GET; raises ``RuntimeError`` for an error."""
        return _decoded(self._answer("GET", path, params=params))

    def post(
        self, path: str, body: Json, key: str | None = None, until_known: bool = False
    ) -> Json:
        """POST; raises ``RuntimeError`` for an error. `until_known`: a 202 is retried until it has
        an outcome.
        """
        return _decoded(self._answer("POST", path, key, until_known, json=body))

    def put(self, path: str, body: Json) -> Json:
        """PUT; raises ``RuntimeError`` for an error."""
        return _decoded(self._answer("PUT", path, json=body))

    def patch(self, path: str, body: Json) -> Json:
        """PATCH; raises ``RuntimeError`` for an error."""
        return _decoded(self._answer("PATCH", path, json=body))

    def _answer(
        self,
        method: str,
        path: str,
        key: str | None = None,
        until_known: bool = False,
        **request: Any,
    ) -> httpx.Response:
        """Send a request. While its outcome is unknown, an idempotent one is retried for a minute:
        any method but POST, and a POST with a key.
        """
        headers, until = {"Idempotency-Key": key} if key else {}, time.monotonic() + PATIENCE
        repeats = bool(key) or method != "POST"
        while True:
            try:
                answer = self._client.request(method, path, headers=headers, **request)
            except httpx.TransportError:
                if not repeats or time.monotonic() > until:
                    raise
            else:
                unknown = _is_unknown(answer) or (until_known and answer.status_code == ACCEPTED)
                if not repeats or not unknown or time.monotonic() > until:
                    return answer
            time.sleep(PAUSE)

    def refused(self, path: str, body: Json, status: int, key: str | None = None) -> Json:
        """POST what must be refused with `status`, and return the problem; raises ``RuntimeError``
        otherwise.
        """
        answer = self._answer("POST", path, key, until_known=True, json=body)
        if answer.status_code != status:
            raise RuntimeError(
                f"POST {path} answered {answer.status_code}, not {status}: {answer.text[:300]}"
            )
        return dict(answer.json())

    def pages(self, path: str) -> list[Json]:
        """Return all rows of a list."""
        rows: list[Json] = []
        while True:
            page = self.get(path, limit=100, **({"startingAfter": rows[-1]["id"]} if rows else {}))
            rows += page["data"]
            if not page["hasMore"]:
                return rows


class Payer:
    """A payer with a card, on Stripe's hosted page at the sandbox. `has_read`: whether they have
    seen New York's notice.
    """

    def __init__(self) -> None:
        self.has_read = False
        self._client = httpx.Client(
            headers={"Accept": "application/json"},
            timeout=20,
            trust_env=False,
            follow_redirects=True,
        )

    def visit(self, url: str) -> Json:
        """Open a payment URL, which redirects to Stripe's page; in New York it shows a notice
        first.
        """
        answer = self._client.get(url)
        answer.raise_for_status()
        if f'href="{GO_ON}"' in answer.text:
            self.has_read = True
            answer = self._client.get(answer.url.join(GO_ON))
            answer.raise_for_status()
        return dict(answer.json())

    def pay(self, page: Json, card: str = "4242424242424242") -> int:
        """Submit the payment form, and return the status: 200 if paid, 402 if declined, 410 if
        nothing is payable any more.
        """
        return self._client.post(page["url"], data={"card_number": card}).status_code


class Sandbox:
    """The sandbox's control API."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/sandbox", timeout=20, trust_env=False)

    def shown(self, path: str) -> Json:
        """GET a resource of the control API."""
        answer = self._client.get(f"/{path}")
        answer.raise_for_status()
        return dict(answer.json())

    def control(self, path: str, /, **body: Any) -> Json:
        """POST to the control API."""
        answer = self._client.post(f"/{path}", json=body)
        answer.raise_for_status()
        return dict(answer.json())
