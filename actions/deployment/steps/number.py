"""Get the clinic's number: buy it now, or use the one that the account already has."""

from actions.deployment.numbers.number import FAILED, has_given_up, line_for, release, wanted_number
from actions.deployment.step import Done, Fail, Json, Plan, Run, Skip, StepKind, UndoPlan, Wait
from actions.deployment.step_effects import reserve_step_effect
from actions.deployment.steps.fee import no_card
from effects.deployment.twilio.number import NUMBER_ADDRESS
from models.delivery.stage import stage_again
from models.delivery.staged_job import find_staged
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.errors import none_if_missing
from providers.twilio.numbers import get_number
from providers.twilio.refusals import NOT_FOUND
from runtime.log import get_log

SAYING = "Purchasing Twilio phone number..."
LOOK_AGAIN = 5.0  # seconds
FREEING = "Releasing the previous phone number..."
GAVE_UP = "Twilio was unavailable for hours."
GONE = (
    "{number} was released at Twilio, so the receptionist cannot be called. Take it down, then"
    " deploy again with another number."
)
NOT_FREED = (
    "The account's previous number, {number}, could not be released: {why} Ask the operator of this"
    " installation to release it in the Twilio console, then deploy again."
)

log = get_log("deployment")


def _look(run: Run) -> Json:
    """Check whether the account's number is still at Twilio: it can be released there by hand."""
    line = PhoneLine.of(run.account.id)
    if line is None or line.state != "owned":
        return {}
    is_gone = none_if_missing(NOT_FOUND, get_number, line.twilio_sid or "") is None
    return {"gone": line.id} if is_gone else {}


def _plan(run: Run, seen: Json) -> Plan:
    line = _line_of(run)
    if line is not None and line.id == seen.get("gone"):
        return Fail("number_released", "Deployment failed.", GONE.format(number=line.e164))
    if line is None and not run.setup.may_pay:
        return no_card(run)
    if line is None:
        wanted = wanted_number(run.deployment, run.setup) | _address_of(run)
        log.info("[Receptionist] Purchasing new Twilio number for forwarding (payment verified)")
        line = line_for(run.account.id, wanted, run.deployment.asked_by, run.step.id)
        run.step.record(made=run.step.made | {"lineId": line.id})
    if line.state == "owned":
        return _use_owned(run, line)
    if line.state == "releasing":
        return _free_slot(run, line)
    if line.state == "refused":
        run.step.record(made=run.step.made | {"givenUp": line.id})
        return Fail(line.error_code, FAILED, line.error)
    return _await_purchase(run, line)


def _await_purchase(run: Run, line: PhoneLine) -> Wait:
    """Have the line's number bought. One that is being bought on its own is left to its job, or,
    once that has given up, to the sweep that frees the line.
    """
    job = find_staged("purchase_number", line.id)
    if line.step_id or job is None or job.state not in {"waiting", "running", "dead"}:
        stage_again("purchase_number", line.id, line.id, fair_to=run.account.id)
    # only the step that reserved the line is staged again when the purchase ends
    return Wait(0 if line.step_id == run.step.id else LOOK_AGAIN, SAYING)


def _line_of(run: Run) -> PhoneLine | None:
    """Return the line that this step reserved, or else the one in the account's slot. On a retry, a
    new line is reserved after a failed purchase.
    """
    asked = run.step.made.get("lineId")
    if asked and asked != run.step.made.get("givenUp"):
        return PhoneLine.get_by_id(asked)
    return PhoneLine.of(run.account.id)


def _use_owned(run: Run, line: PhoneLine) -> Plan:
    made = {"lineId": line.id, "phoneNumber": line.e164, "sid": line.twilio_sid}
    if line.step_id == run.step.id:
        return Done(made)
    address = _address_of(run).get("emergencyAddressSid")
    if address and line.wanted.get("emergencyAddressSid") != address:
        request = {"sid": line.twilio_sid, "emergency_address_sid": address}
        return reserve_step_effect(
            run, NUMBER_ADDRESS, request, "emergency calls from the clinic's number"
        )
    log.info("[Receptionist] Using existing number instead of purchasing")
    return Done(made | {"reused": True}, f"Using existing number {line.e164} ✓")


def _address_of(run: Run) -> Json:
    """Return the emergency address to attach to the number, if one is registered."""
    known = Resource.named(run.account.id, "emergency_address")
    return {"emergencyAddressSid": known.provider_id} if known is not None else {}


def _record_address(run: Run, effect: Effect, _answer: Json) -> Json:
    """Record that the number which the account already had now has the emergency address."""
    line = PhoneLine.of(run.account.id)
    if line is None:
        return {}
    address = effect.request["emergency_address_sid"]
    line.record(run.now, wanted=line.wanted | {"emergencyAddressSid": address})
    log.info("[Receptionist] Using existing number instead of purchasing")
    return {
        "lineId": line.id,
        "phoneNumber": line.e164,
        "sid": line.twilio_sid,
        "reused": True,
    }


def _free_slot(run: Run, line: PhoneLine) -> Plan:
    """Release once more a number that an earlier undo could not release and that still holds the
    slot.
    """
    line = PhoneLine.locked(line.id)
    if run.step.made.get("frees") != line.id:
        run.step.record(made=run.step.made | {"frees": line.id})
        line.record(run.now, error_code="", error="")
        release(line, run.deployment.asked_by)
        return Wait(LOOK_AGAIN, FREEING)
    job = find_staged("release_number", line.id)
    goes_on = job is not None and job.state in {"waiting", "running"} and not line.error_code
    if goes_on or line.state == "released":
        return Wait(LOOK_AGAIN, FREEING)
    run.step.record(made=run.step.made | {"frees": ""})
    why = line.error or (job and job.last_error) or GAVE_UP
    detail = NOT_FREED.format(number=line.e164, why=why)
    return Fail(line.error_code or "gave_up", FAILED, detail)


def _undo(run: Run) -> UndoPlan:
    """Release the number if this deployment bought it, or if this is a take-down."""
    if not run.step.made.get("lineId"):
        return Skip("")
    line = PhoneLine.locked(run.step.made["lineId"])
    is_of_others = line.step_id != run.step.id and run.deployment.goal != "taken_down"
    if line.state == "refused" or is_of_others:
        return Skip("")
    if line.state == "released":
        return Done(message=f"Phone number {line.e164} was released.")
    if line.state == "reserved" and not has_given_up(line):
        return Wait(5.0, "the number is still being purchased; it is released after that")
    if line.state == "releasing" and line.error_code:
        return Fail(line.error_code, "The phone number could not be released.", line.error)
    if line.step_id != run.step.id:
        line.record(run.now, step_id=run.step.id)
    release(line, run.deployment.asked_by)
    return Wait(0, "Releasing the phone number...")


NUMBER = StepKind(
    name="number",
    saying=SAYING,
    look=_look,
    plan=_plan,
    record=_record_address,
    undo=_undo,
    undo_saying="The phone number was released.",
)
