"""How the story talks: to Payphone's own API, and to the sandbox as its payers and its referee."""

from typing import Any

import httpx

from simulation.expected import Json


class Api:
    """Payphone's HTTP API with one key."""

    def __init__(self, url: str, key: str, account: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} | (
            {"Payphone-Account": account} if account else {}
        )
        self._client = httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False)

    def get(self, path: str, **params: Any) -> Json:
        """GET, or the error raised."""
        answer = self._client.get(path, params=params)
        answer.raise_for_status()
        return dict(answer.json())

    def post(self, path: str, body: Json, key: str | None = None) -> Json:
        """POST, or the error raised."""
        answer = self._client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})
        if answer.is_error:
            raise RuntimeError(f"POST {path} answered {answer.status_code}: {answer.text[:300]}")
        return dict(answer.json())

    def put(self, path: str, body: Json) -> Json:
        """PUT, or the error raised."""
        answer = self._client.put(path, json=body)
        answer.raise_for_status()
        return dict(answer.json())

    def patch(self, path: str, body: Json) -> Json:
        """PATCH, or the error raised."""
        answer = self._client.patch(path, json=body)
        answer.raise_for_status()
        return dict(answer.json())

    def refused(self, path: str, body: Json, status: int, key: str = "") -> Json:
        """POST what must be refused with `status`: the problem it answers."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = self._client.post(path, json=body, headers=headers)
        if answer.status_code != status:
            raise RuntimeError(
                f"POST {path} answered {answer.status_code}, not {status}: {answer.text[:300]}"
            )
        return dict(answer.json())

    def pages(self, path: str) -> list[Json]:
        """Every row of a list."""
        rows: list[Json] = []
        while True:
            page = self.get(path, limit=100, **({"startingAfter": rows[-1]["id"]} if rows else {}))
            rows += page["data"]
            if not page["hasMore"]:
                return rows


class Payer:
    """A person with a card, on Stripe's hosted page at the sandbox."""

    def __init__(self) -> None:
        self._client = httpx.Client(
            headers={"Accept": "application/json"},
            timeout=20,
            trust_env=False,
            follow_redirects=True,
        )

    def visit(self, url: str) -> Json:
        """Open a payment address: our own leads to Stripe's page."""
        answer = self._client.get(url)
        answer.raise_for_status()
        return dict(answer.json())

    def pay(self, page: Json, card: str = "4242424242424242") -> int:
        """Press Pay; 200 when it went through, 402 when declined, 410 when there is nothing to pay
        any more.
        """
        return self._client.post(page["url"], data={"card_number": card}).status_code


class Sandbox:
    """The sandbox's control API."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/sandbox", timeout=20, trust_env=False)

    def shown(self, path: str) -> Json:
        """What it shows of itself."""
        answer = self._client.get(f"/{path}")
        answer.raise_for_status()
        return dict(answer.json())

    def control(self, path: str, **body: Any) -> Json:
        """Turn something."""
        answer = self._client.post(f"/{path}", json=body)
        answer.raise_for_status()
        return dict(answer.json())
