"""Deployments: starting, following, retrying, rolling back and taking down."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import falcon
from pydantic import Field

from actions.deployment.deploy import deploy, retry, roll_back, take_down
from actions.deployment.due_jobs import claim_due_jobs
from delivery.perform_now import perform_all
from models.deployment.deployment import OVER, Deployment
from models.deployment.deployment_step import DeploymentEvent
from rules.money import MOST
from runtime.clock import rfc3339
from runtime.errors import Refused
from web.accounts.accounts import account_of
from web.deployment.deployment_responses import DeploymentList, DeploymentShown
from web.http.body import Body, check
from web.http.fields import AreaCode, Currency, Phone
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import page
from web.openapi.openapi import PageQuery, documented

LAST_EVENT = 2**63 - 1
FINAL = frozenset({*OVER, "failed"})


class NewDeployment(Body):
    """What the clinic confirms. `confirmedCost` is the cost preview's `dueNow.amount`,
    `confirmedCurrency` its `dueNow.currency`; without the latter, a change of currency goes
    unnoticed.

    `onFailure`: `rollback` undoes everything if a step fails for good, `keep` keeps what was done
    for a retry, a week at most. `phoneNumber` or `areaCode` override the configuration.
    """

    confirmed_cost: int = Field(ge=0, le=MOST)
    confirmed_currency: Currency | None = None
    on_failure: Literal["rollback", "keep"] = "rollback"
    phone_number: Phone | None = None
    area_code: AreaCode | None = None

    @property
    def wanted(self) -> dict[str, str]:
        """The requested number or area code."""
        if self.phone_number:
            return {"phoneNumber": self.phone_number}
        return {"areaCode": self.area_code} if self.area_code else {}


class ResumesDeployment:
    """A resource that answers with a deployment. Repeating a request with the same key performs the
    step that is due if no worker has begun it.
    """

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Do, or undo, the deployment's step if no worker has begun to."""
        return partial(perform_all, claim_due_jobs(answer["id"]))


class AccountDeployments(ResumesDeployment):
    """`/api/accounts/{account_id}/deployments`"""

    @documented(
        "Deployments",
        {202: DeploymentShown},
        body=NewDeployment,
        problems=(
            "payment_method_required",
            "deployment_not_ready",
            "deployment_in_progress",
            "cost_changed",
        ),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> None:
        """Deploy the configuration: charge the card, buy the number, create the receptionist.

        The answer comes at once; poll the deployment, or follow its events. Deploying again applies
        later changes of the configuration.
        """
        account = account_of(req, account_id)
        wanted = check(NewDeployment, document)
        begun = deploy(
            account,
            wanted.confirmed_cost,
            wanted.on_failure,
            wanted.wanted,
            caller_of(req).actor,
            wanted.confirmed_currency or "",
        )
        _accepted(resp, begun)

    @documented("Deployments", {200: DeploymentList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """All deployments of the account, newest first."""
        account = account_of(req, account_id)
        rows = Deployment.select().where(Deployment.account == account.id)
        resp.media = page(req, rows, DeploymentShown.show, rows)


class OneDeployment:
    """`/api/deployments/{deployment_id}`"""

    @documented("Deployments", {200: DeploymentShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, deployment_id: str) -> None:
        """The deployment and its progress."""
        resp.media = DeploymentShown.show(deployment_of(req, deployment_id))


class DeploymentEvents:
    """`/api/deployments/{deployment_id}/events`"""

    @documented("Deployments", {200: None, 204: None})
    def on_get(self, req: falcon.Request, resp: falcon.Response, deployment_id: str) -> None:
        """Events after `Last-Event-ID`, as server-sent events.

        Each response ends at once, and the browser reconnects; 204 tells it that nothing more will
        come.
        """
        deployment = deployment_of(req, deployment_id)
        last = _last_event(req)
        events = DeploymentEvent.after(deployment.id, last)
        resp.set_header("Cache-Control", "no-store")
        if not events and deployment.status in FINAL:
            resp.status = falcon.HTTP_204
            return
        resp.content_type = "text/event-stream"
        resp.text = "retry: 1000\n\n" + "".join(_sent(event) for event in events)


class RetryDeployment(ResumesDeployment):
    """`/api/deployments/{deployment_id}/retry`"""

    @documented(
        "Deployments",
        {202: DeploymentShown},
        problems=("payment_method_required", "deployment_over"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, deployment_id: str
    ) -> None:
        """Continue at the step that failed; completed steps are not repeated."""
        deployment = locked_deployment(req, deployment_id)
        retry(deployment, caller_of(req).actor)
        _accepted(resp, deployment)


class RollBackDeployment(ResumesDeployment):
    """`/api/deployments/{deployment_id}/rollback`"""

    @documented("Deployments", {202: DeploymentShown}, problems=("deployment_over",))
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, deployment_id: str
    ) -> None:
        """Undo what a failed deployment has kept, last step first, and refund what was charged."""
        deployment = locked_deployment(req, deployment_id)
        roll_back(deployment, caller_of(req).actor)
        _accepted(resp, deployment)


class TakeDownDeployment(ResumesDeployment):
    """`/api/deployments/{deployment_id}/take-down`"""

    @documented(
        "Deployments",
        {202: DeploymentShown},
        problems=("deployment_over", "deployment_in_progress"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, deployment_id: str
    ) -> None:
        """Take a live receptionist down.

        Its number is released and cannot be recovered; nothing is refunded.
        """
        deployment = locked_deployment(req, deployment_id)
        take_down(deployment, caller_of(req).actor)
        _accepted(resp, deployment)


def deployment_of(req: falcon.Request, deployment_id: str) -> Deployment:
    """The deployment, if the caller may see its account. Raises Refused `not_found`."""
    found = Deployment.one("id = ?", deployment_id[:40])
    if found is None:
        raise _unknown(deployment_id)
    try:
        account_of(req, found.account_id)
    except Refused as refused:
        if refused.code == "not_found":
            raise _unknown(deployment_id) from refused
        raise
    return found


def locked_deployment(req: falcon.Request, deployment_id: str) -> Deployment:
    """As `deployment_of`, locked until the transaction ends."""
    return Deployment.locked(deployment_of(req, deployment_id).id)


def _unknown(deployment_id: str) -> Refused:
    return Refused("not_found", f"There is no deployment {deployment_id[:40]}.")


def _accepted(resp: falcon.Response, deployment: Deployment) -> None:
    resp.status = falcon.HTTP_202
    resp.set_header("Location", f"/api/deployments/{deployment.id}")
    resp.media = DeploymentShown.show(Deployment.get_by_id(deployment.id))


def _last_event(req: falcon.Request) -> int:
    """The id of the last event received; 0 if none was named, or none that can be an id."""
    given = req.get_header("Last-Event-ID") or req.get_param("lastEventId") or "0"
    is_an_id = given.isascii() and given.isdigit() and len(given) <= len(str(LAST_EVENT))
    return min(int(given), LAST_EVENT) if is_an_id else 0


def _sent(event: DeploymentEvent) -> str:
    data = {
        "step": event.step or None,
        "state": event.state,
        "message": event.message,
        "at": rfc3339(event.at),
    }
    kind = "step" if event.step else "deployment"
    return f"id: {event.id}\nevent: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
