"""Wait until the number has moved, and report what Twilio and the carrier say about it.

The step does not poll: a report from Twilio, or the hourly check, stages it again.
"""

from actions.deployment.step import Done, Fail, Json, Plan, Run, Skip, StepKind, Wait
from actions.deployment.steps.port.port_document import MOVED, has_moved
from actions.deployment.steps.port.port_outcome import NAME, record_moved
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from providers.errors import masked, none_if_missing
from providers.twilio.numbers import find_number_by_e164
from providers.twilio.porting import get_port
from providers.twilio.refusals import NOT_FOUND
from rules.deployment.porting import ACT, DONE, OVER, port_of
from runtime.secret_box import unseal

TITLE = "The number was not ported."
NOT_ASKED = "The port request no longer exists. Deploy again to submit a new one."
LATE = "The number has moved, but Twilio does not list it yet."
AWAITING = "awaiting_port"
LOOK_AGAIN = 60.0  # seconds


def _look(run: Run) -> Json:
    submitted = Resource.named(run.account.id, NAME)
    line = PhoneLine.of(run.account.id)
    if submitted is None or line is None or has_moved(run):
        return {}
    port = none_if_missing(NOT_FOUND, get_port, submitted.provider_id)
    if port is None:
        return {"gone": True}
    request = _without_pin(run, port)
    own = (each for each in request["numbers"] if each["number"] == line.e164)
    number: Json = next(own, {"number": line.e164})
    seen: Json = {"request": request, "number": number}
    if port_of(request, number).what == DONE:
        seen["owned"] = find_number_by_e164(line.e164 or "")
    return seen


def _without_pin(run: Run, request: Json) -> Json:
    """Return the request with the PIN redacted from its reasons, because a carrier might repeat it
    there.
    """
    sealed = run.setup.sealed.get("sealedPin")
    if sealed is None or not any(each["reason"] for each in (request, *request["numbers"])):
        return request
    pin = unseal(sealed)
    numbers = [each | {"reason": masked(each["reason"], pin)} for each in request["numbers"]]
    return request | {"reason": masked(request["reason"], pin), "numbers": numbers}


def _plan(run: Run, seen: Json) -> Plan:
    if has_moved(run):
        return Skip(MOVED)
    if not seen or "gone" in seen:
        if seen:  # the request is gone at Twilio: undoing has nothing to cancel
            run.step.record(made=run.step.made | {"over": "gone"})
        return Fail("port_gone", TITLE, NOT_ASKED)
    port = port_of(seen["request"], seen["number"])
    run.setup.record_port(seen["number"]["number"], port.status, run.now)
    if port.what == OVER:
        run.step.record(made=run.step.made | {"over": port.status})
        return Fail(f"port_{port.status}", TITLE, port.words)
    if port.what != DONE:
        return Wait(0, port.words, AWAITING, asks_clinic=port.what == ACT)
    if seen.get("owned") is None:
        return Wait(LOOK_AGAIN, LATE, AWAITING)
    return _moved(run, seen["owned"]["id"])


def _moved(run: Run, sid: str) -> Plan:
    line = record_moved(run.account.id, sid)
    if line is None:
        return Fail("port_gone", TITLE, NOT_ASKED)
    return Done({"phoneNumber": line.e164, "sid": sid})


PORTING = StepKind(
    name="porting",
    saying="Waiting until your number has moved...",
    look=_look,
    plan=_plan,
    lasts=False,
    again=NAME,
)
