"""Set up the number that has moved: its calls and texts come to us, and it has its emergency
address.

Undoing leaves it at Twilio, because the clinic would lose a released number for good.
"""

from actions.deployment.step import Done, Fail, Json, Plan, Run, Skip, StepKind, UndoPlan
from actions.deployment.step_effects import open_step_effect, reserve_step_effect
from actions.deployment.steps.port.port_outcome import KEPT
from effects.deployment.twilio.number import NUMBER_SETUP
from effects.deployment.vapi.number_texts import call_webhooks, text_webhooks
from models.deployment.installation import tagged
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.errors import none_if_missing
from providers.twilio.numbers import get_number
from providers.twilio.refusals import NOT_FOUND

TITLE = "Deployment failed."
GONE = (
    "{number} is no longer at Twilio, so the receptionist cannot be called. Ask the operator of"
    " this installation what became of it."
)
SET_UP = "The number is already set up."


def _look(run: Run) -> Json:
    line = PhoneLine.of(run.account.id)
    if line is None or not line.twilio_sid:
        return {}
    found = none_if_missing(NOT_FOUND, get_number, line.twilio_sid)
    return {} if found is None else {"found": found}


def _plan(run: Run, seen: Json) -> Plan:
    line = PhoneLine.of(run.account.id)
    if line is None or "found" not in seen:
        number = run.setup.phone_integration_settings.get("phoneNumber", "")
        return Fail("number_released", TITLE, GONE.format(number=number))
    open_one = open_step_effect(run, NUMBER_SETUP)
    if open_one is not None:
        return open_one
    settings = _settings(run, line)
    if all(seen["found"].get(name) == value for name, value in settings.items()):
        return Skip(SET_UP)
    request = {"sid": line.twilio_sid, "settings": settings}
    return reserve_step_effect(run, NUMBER_SETUP, request, "the clinic's number has moved to us")


def _settings(run: Run, line: PhoneLine) -> Json:
    settings = {
        "friendly_name": tagged(line.id),
        **text_webhooks(),
        **({} if line.vapi_id else call_webhooks()),  # Vapi receives the calls of a live number
    }
    address = Resource.named(run.account.id, "emergency_address")
    if address is not None:
        settings["emergency_address_sid"] = address.provider_id
    return settings


def _record(run: Run, effect: Effect, _answer: Json) -> Json:
    line = PhoneLine.of(run.account.id)
    if line is None:
        return {}
    address = effect.request["settings"].get("emergency_address_sid")
    attached = {"emergencyAddressSid": address} if address else {}
    line.record(run.now, wanted=line.wanted | attached)
    return {"lineId": line.id, "phoneNumber": line.e164, "sid": line.twilio_sid}


def _undo(run: Run) -> UndoPlan:
    """Mark its calls as no longer answered, unless an earlier deployment is live on it."""
    line = PhoneLine.of(run.account.id)
    is_live = run.deployment.goal != "taken_down" and line is not None and line.voice_live
    if line is None or is_live:
        return Skip("")
    line.record(run.now, voice_live=False)
    return Done(message=KEPT.format(number=line.e164))


PORTED_NUMBER = StepKind(
    name="ported_number",
    saying="Setting up your number...",
    look=_look,
    plan=_plan,
    record=_record,
    undo=_undo,
)
