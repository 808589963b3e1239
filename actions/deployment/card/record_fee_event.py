"""Handle Stripe's events about a deployment's setup fee, which has no invoice."""

from dataclasses import dataclass
from typing import Any

from actions.deployment.deploy import resume_after_card
from actions.payments.returns.record_return import record_return
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from providers.stripe.events import ClaimedOwner
from runtime.clock import real_now
from runtime.log import get_log

FEE_STEPS = frozenset({"fee", "charge"})
FAILED_REFUNDS = frozenset({"failed", "canceled"})
NOT_REFUNDED = (
    "The bank returned the refund of the setup fee. Return the money another way, from Stripe's"
    " dashboard."
)

Json = dict[str, Any]

log = get_log("deployment")


@dataclass(frozen=True, slots=True)
class Fee:
    """The setup fee that an intent is for."""

    deployment_id: str
    account_id: str
    about: str


def fee_of(intent_id: str, belonging: ClaimedOwner) -> Fee | None:
    """Return the fee that this intent of the platform's account is for, found by its id, or by our
    tag while the id is not recorded. None if it is not a fee.
    """
    deployment = Deployment.one("fee_intent_id = ?", intent_id)
    if deployment is None:
        step = DeploymentStep.one("id = ?", belonging.attempt_id)
        if step is None or step.name not in FEE_STEPS:
            return None
        deployment = Deployment.get_by_id(step.deployment_id)
        if deployment.account_id != belonging.account_id:
            return None
    about = f"the setup fee of deployment {deployment.id}"
    return Fee(deployment.id, deployment.account_id, about)


def record_fee_event(fee: Fee, news: list[Json]) -> None:
    """Record returned money, and let a deployment that waits for its cardholder check with Stripe.
    Needs an open transaction.
    """
    deployment = Deployment.locked(fee.deployment_id)
    resume_after_card(deployment)
    for subject in news:
        if subject["object"] == "dispute":
            _note_dispute(deployment, subject)
        elif subject["status"] in FAILED_REFUNDS:
            _note_failed_refund(deployment, subject)


def _note_dispute(deployment: Deployment, dispute: Json) -> None:
    """Record a dispute of the fee by the clinic's cardholder; an operator answers it at Stripe."""
    if not record_return("", dispute, real_now()):
        return
    log.warning("setup fee disputed", deployment_id=deployment.id, dispute_id=dispute["id"])
    AuditEntry.record(
        SYSTEM,
        "deployment.fee_disputed",
        f"deployment:{deployment.id}",
        deployment.account_id,
        dispute_id=dispute["id"],
        status=dispute["status"],
        amount=dispute["amount"],
    )


def _note_failed_refund(deployment: Deployment, refund: Json) -> None:
    """Record that the bank returned a refund which had succeeded. An operator must settle it."""
    step = next(row for row in DeploymentStep.of(deployment.id) if row.name == "charge")
    if step.state == "undo_failed" or step.made.get("failedRefund") == refund["id"]:
        return  # recorded already, and perhaps settled by an operator
    step.record(
        state="undo_failed",
        error_code="refund_failed",
        error=NOT_REFUNDED,
        made=step.made | {"failedRefund": refund["id"]},
    )
    log.error("setup fee not refunded", deployment_id=deployment.id, refund_id=refund["id"])
    AuditEntry.record(
        SYSTEM,
        "deployment.undo_failed",
        f"deployment:{deployment.id}",
        deployment.account_id,
        step="charge",
        code="refund_failed",
        refund_id=refund["id"],
    )
