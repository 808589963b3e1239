"""Charge the setup fee to the clinic's card. If its bank requires the cardholder's confirmation,
the deployment waits for it.

Each request by a person charges a card at most once: a declined charge is tried again only when the
clinic retries or has saved another card.
"""

from datetime import timedelta

from actions.deployment.numbers.number import FAILED
from actions.deployment.step import Done, Fail, Json, Plan, Run, Skip, StepKind, UndoPlan, Wait
from actions.deployment.steps.fee import NO_FEE, REFUNDED, metadata, no_card, recheck_if_unclear
from effects.deployment.fee import FEE_CONFIRM, FEE_REFUND
from effects.reserve import reserve_for_account
from models.effects.daily_limit import over_ceiling
from models.effects.effect import Effect
from models.effects.pause_switch import paused
from providers.stripe.intents import get_intent
from rules.declines import public_code
from runtime.clock import business_now

CONFIRM = "Your bank asks you to confirm the payment. Confirm it on the page to continue."
PAUSED = "Charges are paused; the payment is made once they resume."
CEILING = (
    "The clinic has reached its daily ceiling of charges. Ask the operator of this installation, or"
    " deploy again tomorrow."
)
CLOSED = "The payment was closed at Stripe. Nothing was charged; deploy again."
PAUSE = 30.0  # seconds between looks at the pause switch
CHARGE_WITHIN = timedelta(hours=1)  # after the decision, since the clinic is waiting
ASKS_CARDHOLDER = "payment_action_required"
# final statuses of a payment that the cardholder confirms on our page
ENDED: dict[str, Plan] = {
    "succeeded": Done({"paid": True}),
    "canceled": Fail("payment_closed", FAILED, CLOSED),
}


def _look(run: Run) -> Json:
    """Read the payment from Stripe, because what the browser reports decides nothing."""
    intent_id = run.made("fee").get("intentId")
    if run.deployment.status != ASKS_CARDHOLDER or not intent_id:
        return {}
    return {"status": get_intent(intent_id)["status"]}


def _plan(run: Run, seen: Json) -> Plan:
    intent_id = run.made("fee").get("intentId")
    if not intent_id:
        return Skip(NO_FEE)
    if seen.get("status") in ENDED:
        return ENDED[seen["status"]]
    if not run.setup.may_pay:
        return no_card(run)
    card = run.setup.stripe_payment_method_id
    if run.step.made.get("asksHolderOf") == card:
        return Wait(0, CONFIRM, ASKS_CARDHOLDER)
    subject = f"{run.step.id}:{run.step.made.get('declines', 0)}:{card}"
    held = _held_back(run, Effect.one("key = ?", f"{FEE_CONFIRM.name}:{subject}"))
    if held is not None:
        return held
    confirm = {
        "payment_method": card,
        "off_session": True,
        "amount_to_confirm": run.deployment.fee,
    }
    return reserve_for_account(
        FEE_CONFIRM,
        subject,
        {"intent": intent_id, "confirm": confirm, "metadata": metadata(run)},
        run.account.id,
        run.deployment.asked_by,
        "the setup fee of a deployment",
        deadline=run.now + CHARGE_WITHIN,
    )


def _held_back(run: Run, decided: Effect | None) -> Wait | Fail | None:
    """Return why charges are stopped now, if they are. Called in the transaction that decides.

    A pause also stops a charge that was `decided` and has no outcome yet: Stripe may have turned it
    away for hours.
    """
    is_open = decided is None or decided.state in {"sending", "unknown"}
    if is_open and paused(run.account.id, "charges"):
        return Wait(PAUSE, PAUSED)
    if decided is None and over_ceiling(run.account.id, "charges", business_now()):
        return Fail("ceiling_reached", FAILED, CEILING)
    return None


def _record(_run: Run, _effect: Effect, _answer: Json) -> Json:
    return {"paid": True}


def _refused(run: Run, effect: Effect) -> Plan:
    """Wait for the cardholder if the bank requires it; fail on any other decline."""
    code = effect.error_code or ""
    if code == "authentication_required":
        card = effect.request["confirm"]["payment_method"]
        run.step.record(made=run.step.made | {"asksHolderOf": card})
        return Wait(0, CONFIRM, ASKS_CARDHOLDER)
    declines = int(run.step.made.get("declines", 0)) + 1
    run.step.record(made=run.step.made | {"declines": declines})
    return Fail(public_code(code), FAILED, FEE_CONFIRM.why_refused(code, ""))


def _undo(run: Run) -> UndoPlan:
    """Refund the fee, unless a live receptionist is taken down: that one had been paid for."""
    if not run.step.made.get("paid") or run.deployment.goal == "taken_down":
        return Skip("")
    return reserve_for_account(
        FEE_REFUND,
        run.step.id,
        {"payment_intent": run.made("fee")["intentId"], "metadata": metadata(run)},
        run.account.id,
        run.deployment.asked_by,
        "the deployment is undone",
    )


def _undone(run: Run, _effect: Effect, answer: Json) -> None:
    recheck_if_unclear(run, answer)


CHARGE = StepKind(
    name="charge",
    saying="Charging the setup fee...",
    look=_look,
    plan=_plan,
    record=_record,
    refused=_refused,
    undo=_undo,
    undone=_undone,
    undo_saying=REFUNDED,
)
