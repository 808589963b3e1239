"""Call forwarding: what a clinic dials, whether it works, and a test call."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Literal, Self

import falcon

from actions.deployment.numbers.forwarding import clinic_number, forwarded_line, request_test_call
from delivery.perform_now import perform_all, take_due
from models.deployment.forwarding_test import ForwardingTest
from models.deployment.phone_line import PhoneLine
from rules.deployment.forwarding import Codes, codes_for
from web.accounts.accounts import account_of
from web.http.body import Body, check
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.responses import Shown
from web.openapi.openapi import documented


class CodesShown(Shown):
    """What to dial at one carrier."""

    carrier: str
    activate: str
    deactivate: str
    note: str


class TestShown(Shown):
    """A test call. `detail` says what to do if it did not arrive."""

    id: str
    state: Literal["asked", "calling", "arrived", "not_arrived", "refused", "unknown"]
    detail: str
    created_at: datetime
    updated_at: datetime


class ForwardingShown(Shown):
    """How the clinic's number, as deployed, is forwarded to `forwardTo`, and whether it works."""

    state: Literal["awaiting_forwarding", "confirmed"]
    clinic_number: str
    forward_to: str
    codes: list[CodesShown]
    test: TestShown | None

    @classmethod
    def of(cls, row: PhoneLine, **given: Any) -> Self:
        """The answer about a line."""
        number, last = row.e164 or "", ForwardingTest.newest(row.id)
        shown: dict[str, Any] = {
            "state": row.forwarding,
            "clinic_number": row.wanted.get("forwards") or clinic_number(row.account_id),
            "forward_to": number,
            "codes": [_shown(each) for each in codes_for(number)],
            "test": TestShown.of(last) if last is not None else None,
        }
        return super().of(row, **shown | given)


class NothingToSay(Body):
    """Empty body."""


class Forwarding:
    """`/api/accounts/{account_id}/forwarding`"""

    @documented("Deployments", {200: ForwardingShown}, problems=("deployment_not_ready",))
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """What to dial at each carrier, and whether forwarded calls arrive."""
        resp.media = ForwardingShown.show(forwarded_line(account_of(req, account_id).id))


class TestForwarding:
    """`/api/accounts/{account_id}/forwarding/test`"""

    @documented(
        "Deployments",
        {202: TestShown},
        body=NothingToSay,
        problems=(
            "deployment_not_ready",
            "not_configured",
            "rate_limited",
            "calls_paused",
            "ceiling_reached",
        ),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> None:
        """Call the clinic's number once, to see whether the call arrives at the receptionist.

        Read the forwarding for the result.
        """
        check(NothingToSay, document)
        account = account_of(req, account_id)
        test = request_test_call(account, caller_of(req).actor)
        resp.status = falcon.HTTP_202
        resp.set_header("Location", f"/api/accounts/{account.id}/forwarding")
        resp.media = TestShown.show(test)

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Place the test call if no worker has begun to."""
        return partial(perform_all, [take_due("test_forwarding", answer["id"])])


def _shown(codes: Codes) -> CodesShown:
    return CodesShown(
        carrier=codes.carrier,
        activate=codes.activate,
        deactivate=codes.deactivate,
        note=codes.note,
    )
