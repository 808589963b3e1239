"""The clinic's number: bought now, or the one that this account has already."""

from actions.deployment.number import FAILED, has_given_up, line_for, release
from actions.deployment.step import Done, Fail, Json, Plan, Run, Skip, StepKind, UndoPlan, Wait
from models.delivery.stage import stage_again
from models.deployment.phone_line import PhoneLine
from runtime.log import get_log

SAYING = "Purchasing Twilio phone number..."

log = get_log("deployment")


def _plan(run: Run, _seen: Json) -> Plan:
    line = _line_of(run)
    if line is None:
        settings = run.setup.phone_integration_settings
        wanted = {name: settings[name] for name in ("phoneNumber", "areaCode") if name in settings}
        address = run.made("emergency_address").get("sid")
        wanted |= run.deployment.wanted
        wanted |= {"emergencyAddressSid": address} if address else {}
        log.info("[Receptionist] Purchasing new Twilio number for forwarding (payment verified)")
        line = line_for(run.account.id, wanted, run.deployment.asked_by, run.step.id)
        run.step.record(made=run.step.made | {"lineId": line.id})
    if line.state == "owned":
        return _taken(run, line)
    if line.state == "refused":
        return Fail(line.error_code, FAILED, line.error)
    stage_again("purchase_number", line.id, line.id, fair_to=run.account.id)
    return Wait(0, SAYING)


def _line_of(run: Run) -> PhoneLine | None:
    """The line that this step asked for, or else the one in the account's slot."""
    asked = run.step.made.get("lineId")
    return PhoneLine.get_by_id(asked) if asked else PhoneLine.of(run.account.id)


def _taken(run: Run, line: PhoneLine) -> Plan:
    made = {"lineId": line.id, "phoneNumber": line.e164, "sid": line.twilio_sid}
    if line.step_id == run.step.id:
        return Done(made)
    log.info("[Receptionist] Using existing number instead of purchasing")
    return Done(made | {"reused": True}, f"Using existing number {line.e164} ✓")


def _undo(run: Run) -> UndoPlan:
    """Released if this deployment bought it, or the receptionist is taken down."""
    made = run.step.made
    is_taken_down = run.deployment.goal == "taken_down"
    if not made.get("lineId") or (made.get("reused") and not is_taken_down):
        return Skip("")
    line = PhoneLine.locked(made["lineId"])
    if line.state == "refused":
        return Skip("")
    if line.state == "released":
        return Done(message=f"Phone number {line.e164} was released.")
    if line.state == "reserved" and not has_given_up(line):
        return Wait(5.0, "the purchase of the number is under way; it is released once it ended")
    if line.state == "releasing" and line.error_code:
        return Fail(line.error_code, "The phone number could not be released.", line.error)
    if line.step_id != run.step.id:
        line.record(run.now, step_id=run.step.id)
    release(line, run.deployment.asked_by)
    return Wait(0, "Releasing the phone number...")


NUMBER = StepKind(
    name="number",
    saying=SAYING,
    plan=_plan,
    undo=_undo,
    undo_saying="The phone number was released.",
)
