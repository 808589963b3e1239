"""Prepare the setup fee: an intent at Stripe for exactly what this Deploy costs."""

from actions.deployment.card.payment_required import PaidRequest, why_card_not_chargeable
from actions.deployment.step import Fail, Json, Plan, Run, Skip, StepKind, UndoPlan
from actions.payments.stage_stripe_read import stage_stripe_read
from effects.deployment.fee import FEE_CANCEL, FEE_CREATE, PLATFORM
from effects.reserve import reserve_for_account
from models.deployment.deployment_step import DeploymentEvent
from models.effects.effect import Effect
from models.payments.refund import PENDING
from rules.invoice_fold import is_known_refund_status

NO_FEE = "No setup fee is due."
NOT_PREPARED = "The payment could not be prepared."
REFUNDED = "The setup fee was refunded."
# the card is named when it is charged; no cardholder is present to follow a redirect
CARD_LATER = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


def no_card(run: Run) -> Fail:
    """Return the failure of a deployment whose card is no longer good."""
    return Fail(
        "payment_method_required", PaidRequest.DEPLOY.value, why_card_not_chargeable(run.setup)
    )


def metadata(run: Run) -> dict[str, str]:
    """Return the metadata of everything about the fee at Stripe; the step's id is its tag."""
    return {
        "account_id": run.account.id,
        "invoice_id": "",
        "attempt_id": run.step.id,
        "project": "setup",
    }


def _plan(run: Run, _seen: Json) -> Plan:
    if not run.deployment.fee:
        return Skip(NO_FEE)
    if not run.setup.may_pay or run.setup.stripe_customer_id is None:
        return no_card(run)
    request = {
        "amount": run.deployment.fee,
        "currency": run.deployment.fee_currency,
        "customer": run.setup.stripe_customer_id,
        "description": "Setup fee",
        "metadata": metadata(run),
    }
    return reserve_for_account(
        FEE_CREATE,
        run.step.id,
        request | CARD_LATER,
        run.account.id,
        run.deployment.asked_by,
        "the setup fee of a deployment",
    )


def _record(run: Run, _effect: Effect, answer: Json) -> Json:
    run.deployment.record(run.now, fee_intent_id=answer["id"])
    return {"intentId": answer["id"]}


def _refused(_run: Run, effect: Effect) -> Plan:
    return Fail(effect.error_code or "refused", NOT_PREPARED, effect.error or "")


def _undo(run: Run) -> UndoPlan:
    """Cancel the unpaid intent. A paid fee is refunded by the step that charged it, or kept in a
    take-down.
    """
    intent_id = run.step.made.get("intentId")
    is_paid = run.made("charge").get("paid")
    if not intent_id or is_paid or run.deployment.goal == "taken_down":
        return Skip("")
    return reserve_for_account(
        FEE_CANCEL,
        run.step.id,
        {"intent": intent_id, "metadata": metadata(run)},
        run.account.id,
        run.deployment.asked_by,
        "the deployment is undone",
    )


def recheck_if_unclear(run: Run, refund: Json) -> None:
    """Have Stripe asked again about a refund in a state that we do not know."""
    if not is_known_refund_status(refund.get("status") or PENDING):
        stage_stripe_read("refund", refund["id"], PLATFORM, run.account.id)


def _undone(run: Run, _effect: Effect, answer: Json) -> None:
    """Report a refund: the cardholder had paid on the page while the intent was being cancelled."""
    if answer.get("object") == "refund":
        recheck_if_unclear(run, answer)
        DeploymentEvent.record(run.deployment.id, run.step.name, "undone", REFUNDED, run.now)


FEE = StepKind(
    name="fee",
    saying="Preparing the payment...",
    plan=_plan,
    record=_record,
    refused=_refused,
    undo=_undo,
    undone=_undone,
    undo_saying="The open payment was closed.",
    lasts=False,
)
