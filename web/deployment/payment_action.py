"""A charge that the clinic's bank wants confirmed: the page confirms it with Stripe, and Stripe
says what came of it.
"""

from typing import Any

import falcon

from actions.deployment.deploy import resume_after_card
from models.deployment.deployment import Deployment
from models.deployment.setup import Setup
from providers.errors import ProviderError
from providers.stripe.intents import get_intent
from runtime.errors import Refused
from web.deployment.deployment_answers import DeploymentShown
from web.deployment.deployments import MovesOn, deployment_of, locked_deployment
from web.http.answers import Shown
from web.http.idempotency import idempotent
from web.http.later import Later, nothing_to_perform
from web.http.problems import Problem
from web.openapi.openapi import documented

WAITS = "payment_action_required"


class PaymentActionShown(Shown):
    """What Stripe.js confirms the payment with; the client secret is kept nowhere else."""

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
    ) -> Later:
        """The payment to confirm with the cardholder, while the deployment waits for that."""
        deployment = deployment_of(req, deployment_id)
        _check_waits(deployment)
        return Later(deployment.id, nothing_to_perform)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """The client secret, read at Stripe."""
        deployment = Deployment.get_by_id(reference)
        _check_waits(deployment)
        try:
            intent = get_intent(deployment.fee_intent_id or "")
        except ProviderError as error:
            detail = "Stripe did not answer in time; retry with the same Idempotency-Key."
            raise Problem("provider_unavailable", detail, headers={"Retry-After": "3"}) from error
        setup = Setup.get_by_id(deployment.account_id)
        resp.media = PaymentActionShown(
            client_secret=intent["client_secret"], payment_method_id=setup.stripe_payment_method_id
        ).document()


class PaymentActionDone(MovesOn):
    """`/api/deployments/{deployment_id}/payment-action/done`"""

    @documented("Deployments", {202: DeploymentShown})
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, deployment_id: str
    ) -> None:
        """The page is done: the deployment looks at Stripe what came of the payment, and goes on if
        it was made. After another card was saved, that one is charged.
        """
        deployment = locked_deployment(req, deployment_id)
        resume_after_card(deployment)
        resp.status = falcon.HTTP_202
        resp.set_header("Location", f"/api/deployments/{deployment.id}")
        resp.media = DeploymentShown.show(deployment)


def _check_waits(deployment: Deployment) -> None:
    if deployment.status != WAITS or not deployment.fee_intent_id:
        status = deployment.status.replace("_", " ")
        raise Refused(
            "conflict",
            f"Deployment {deployment.id} is {status}; there is no payment to confirm. Read it.",
        )
