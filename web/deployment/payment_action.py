"""A charge that the clinic's bank wants authenticated: the page confirms it with Stripe, and Stripe
reports the outcome.
"""

from typing import Any

import falcon

from actions.deployment.deploy import resume_after_card
from models.deployment.deployment import Deployment
from models.deployment.setup import Setup
from providers.errors import ProviderError
from providers.stripe.intents import get_intent
from runtime.errors import Refused
from web.deployment.deployment_responses import DeploymentShown
from web.deployment.deployments import ResumesDeployment, deployment_of, locked_deployment
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.http.responses import Shown
from web.openapi.openapi import documented

ACTION_REQUIRED = "payment_action_required"


class PaymentActionShown(Shown):
    """What Stripe.js needs to confirm the payment; the client secret is not stored."""

    client_secret: str
    payment_method_id: str | None


class PaymentAction:
    """`/api/deployments/{deployment_id}/payment-action`"""

    @documented(
        "Deployments", {200: PaymentActionShown}, problems=("conflict", "provider_unavailable")
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, deployment_id: str
    ) -> DeferredAnswer:
        """The payment that the cardholder must confirm, while the deployment waits for it."""
        deployment = deployment_of(req, deployment_id)
        _check_action_required(deployment)
        return DeferredAnswer(deployment.id, nothing_to_perform)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """The client secret, read from Stripe."""
        deployment = Deployment.get_by_id(reference)
        _check_action_required(deployment)
        try:
            intent = get_intent(deployment.fee_intent_id or "")
        except ProviderError as error:
            detail = "Stripe did not answer in time; retry with the same Idempotency-Key."
            raise Problem("provider_unavailable", detail, headers={"Retry-After": "3"}) from error
        setup = Setup.get_by_id(deployment.account_id)
        resp.media = PaymentActionShown(
            client_secret=intent["client_secret"], payment_method_id=setup.stripe_payment_method_id
        ).document()


class PaymentActionDone(ResumesDeployment):
    """`/api/deployments/{deployment_id}/payment-action/done`"""

    @documented("Deployments", {202: DeploymentShown})
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, deployment_id: str
    ) -> None:
        """Report that the page is done.

        The deployment reads the payment from Stripe and goes on if it was made. If another card was
        saved, that one is charged.
        """
        deployment = locked_deployment(req, deployment_id)
        resume_after_card(deployment)
        resp.status = falcon.HTTP_202
        resp.set_header("Location", f"/api/deployments/{deployment.id}")
        resp.media = DeploymentShown.show(deployment)


def _check_action_required(deployment: Deployment) -> None:
    if deployment.status != ACTION_REQUIRED or not deployment.fee_intent_id:
        status = deployment.status.replace("_", " ")
        raise Refused(
            "conflict",
            f"Deployment {deployment.id} is {status}; there is no payment to confirm. Read it.",
        )
