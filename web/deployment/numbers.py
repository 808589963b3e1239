"""Buying a number on its own, in the slot that deployments buy theirs in."""

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

import falcon

from actions.deployment.card.payment_required import PaidRequest, require_payment_method
from actions.deployment.deploy import refuse_while_deploying
from actions.deployment.numbers.number import FAILED, line_for
from delivery.perform_now import perform_now, take_due
from models.delivery.stage import stage
from models.deployment.phone_line import PhoneLine
from runtime.errors import Refused
from runtime.log import get_log
from runtime.settings import INTERACTIVE
from web.accounts.accounts import account_of
from web.deployment.deployment_responses import NumberBought
from web.http.body import Body, check
from web.http.deferred_answer import DeferredAnswer
from web.http.fields import AreaCode, Id, Phone
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.openapi.openapi import documented

GIVEN_BACK = "The number bought by this request was released. Use a new Idempotency-Key."

log = get_log("deployment")


class NumberWanted(Body):
    """Which account's number, and which number: a chosen one, one of an area code, or any."""

    account_id: Id
    area_code: AreaCode | None = None
    phone_number: Phone | None = None


def payment_required_in_own_format(responder: Callable[..., None]) -> Callable[..., None]:
    """Answer a missing payment method in the format of this endpoint's clients. That answer is not
    stored, since a card can be added and the same request sent again.
    """

    @functools.wraps(responder)
    def wrapped(self: object, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            responder(self, req, resp)
        except Refused as refused:
            if refused.code != "payment_method_required":
                raise
            resp.status = falcon.HTTP_402
            resp.media = {"success": False, "message": PaidRequest.PURCHASE.value}

    return wrapped


class PurchaseNumber:
    """`/api/twilio/phone/purchase`"""

    @documented(
        "Deployments",
        {201: NumberBought},
        body=NumberWanted,
        problems=(
            "payment_method_required",
            "already_exists",
            "deployment_in_progress",
            "number_unavailable",
            "provider_unavailable",
        ),
    )
    @payment_required_in_own_format
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> DeferredAnswer:
        """Buy the account's number, once its payment method is verified."""
        wanted = check(NumberWanted, document)
        account = account_of(req, wanted.account_id)
        refuse_while_deploying(account.id)  # first: a deployment takes its locks in this order too
        require_payment_method(account.id, PaidRequest.PURCHASE)
        log.info("[Twilio API] Payment method verified, proceeding with phone purchase")
        held = PhoneLine.of(account.id)
        if held is not None:
            raise Refused(
                "already_exists",
                f"The account has the number {held.e164} already."
                if held.state == "owned"
                else "A number is being bought, or released, for this account.",
            )
        line = line_for(account.id, _requested(wanted), caller_of(req).actor)
        job = stage("purchase_number", line.id, line.id, fair_to=account.id, queue=INTERACTIVE)
        return DeferredAnswer(line.id, partial(_perform, job), f"/api/accounts/{account.id}")

    def resume(self, reference: str) -> Callable[[], None]:
        """Buy the number if no worker has begun to."""
        return partial(_perform, take_due("purchase_number", reference))

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """201 with the number, or the reason why there is none."""
        line = PhoneLine.get_by_id(reference)
        if line.state == "refused":
            raise Problem("number_unavailable", f"{FAILED} {line.error}".strip())
        if line.state in {"releasing", "released"}:
            raise Problem("number_unavailable", GIVEN_BACK)
        if line.state == "reserved":
            raise Problem(
                "provider_unavailable",
                "Twilio did not answer in time; retry with the same Idempotency-Key.",
                headers={"Retry-After": "3"},
            )
        resp.status = falcon.HTTP_201
        resp.media = {"success": True, "phoneNumber": line.e164, "sid": line.twilio_sid}


def _requested(wanted: NumberWanted) -> dict[str, str]:
    if wanted.phone_number:
        return {"phoneNumber": wanted.phone_number}
    return {"areaCode": wanted.area_code} if wanted.area_code else {}


def _perform(job_id: int | None) -> None:
    perform_now(job_id)
