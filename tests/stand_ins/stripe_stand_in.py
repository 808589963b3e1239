"""Stripe's stand-in on a real socket, as a fixture: our requests to Stripe reach it over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx
import stripe

from sandbox import Sandbox
from sandbox.app import create_app
from sandbox.faults import Fault, Faults
from sandbox.server import listen, serve_in_background

HANGS = {"timeout_before", "timeout_after"}


class _Told(Faults):
    """Faults that report when the last one that hangs has been used, because later requests are
    answered and can be waited for.
    """

    on_last_hang: Callable[[], None] | None = None

    def take(self, provider: str, method: str, path: str) -> Fault | None:
        fault = super().take(provider, method, path)
        hangs = fault is not None and fault.kind in HANGS
        if hangs and self.on_last_hang is not None and not any(map(_will_hang, self.active)):
            self.on_last_hang()
        return fault


def _will_hang(fault: Fault) -> bool:
    return fault.times > 0 and fault.kind in HANGS


class _Ordered(Sandbox):
    """A sandbox that reports that a hang is ordered, before it orders it."""

    on_hang: Callable[[], None] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.shared.faults = self.told = _Told()

    def inject_fault(self, **body: Any) -> Fault:
        if self.on_hang is not None and body.get("kind") in HANGS:
            self.on_hang()
        return super().inject_fault(**body)


class StripeStandIn:
    """One stand-in: its URL, control API, SDK and payers."""

    def __init__(self) -> None:
        self.sandbox = _Ordered()
        self.server = listen(create_app(self.sandbox, deliver=False))
        self.url = self.server.url
        # plain HTTP, because reading the system's certificates would take most of a test's time
        plain = {"trust_env": False, "verify": False, "timeout": 120}
        self._http = httpx.Client(base_url=f"{self.url}/sandbox", **plain)
        self.payer = httpx.Client(headers={"Accept": "application/json"}, **plain)
        # a default client adds an asynchronous one, which also reads the certificates
        self.sdk = stripe.StripeClient(
            "sk_test_payphone",
            base_addresses={"api": self.url},
            http_client=stripe.RequestsClient(timeout=120),
        ).v1
        serve_in_background(self.server)

    def control(self, path: str, /, **body: Any) -> dict[str, Any]:
        answer = self._http.post(f"/{path}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def shown(self, path: str, /, **query: Any) -> dict[str, Any]:
        return dict(self._http.get(f"/{path}", params=query).json())

    def fault(
        self, kind: str, method: str, path: str, times: int = 1, **more: Any
    ) -> dict[str, Any]:
        return self.control(
            "faults", provider="stripe", kind=kind, method=method, path=path, times=times, **more
        )

    def forgive(self) -> None:
        """Withdraw all faults."""
        self._http.delete("/faults").raise_for_status()

    def received(self, invoice_id: str) -> int:
        """What Stripe keeps for an invoice: received less refunded and disputed, in minor units."""
        total = self.shown("ledger")["invoices"].get(invoice_id)
        return (
            total["received"] - total["refunded"] - total["refunds_pending"] - total["disputed"]
            if total
            else 0
        )

    def events(self) -> list[dict[str, Any]]:
        """Every event so far, oldest first, as in its webhooks."""
        return [
            event.to_dict() for event in self.sdk.events.list({"limit": 100}).auto_paging_iter()
        ][::-1]

    def visit(self, url: str) -> dict[str, Any]:
        return dict(self.payer.get(url).json())

    def pay(self, page: dict[str, Any], card: str = "4242424242424242") -> int:
        return self.payer.post(page["url"], data={"card_number": card}).status_code

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
