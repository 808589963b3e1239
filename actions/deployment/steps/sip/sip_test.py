"""Place a test call to the receptionist by SIP, which Vapi must answer before the first caller.

A trunk whose calls Vapi rejects looks like one that works; only a call shows the difference.
"""

from actions.deployment.step import Done, Fail, Json, Plan, Run, StepKind, Wait
from actions.deployment.steps.sip.sip_at_vapi import sip_address
from actions.deployment.steps.sip.sip_logins import GONE, TITLE
from effects.deployment.twilio.test_calls import SIP_CALL
from effects.reserve import reserve_for_account
from models.effects.daily_limit import over_ceiling
from models.effects.effect import Effect
from models.effects.pause_switch import paused
from providers.twilio.calls import FINAL, get_call
from runtime.clock import business_now
from runtime.settings import get_settings

PAUSED = "Calls are paused; the test call is placed once they resume."
CEILING = (
    "The clinic has reached its daily ceiling of calls. Ask the operator of this installation, or"
    " deploy again tomorrow."
)
UNANSWERED = (
    "The test call by SIP was not answered ({status}), so no caller would reach the receptionist."
    " Ask the operator of this installation to compare the trunk at Vapi with Twilio's addresses;"
    " then deploy again."
)
LOOK_AGAIN = 5.0  # seconds
PAUSE = 30.0  # seconds between looks at the pause switch
ANSWERED = frozenset({"in-progress", "completed"})


def _place(run: Run, _seen: Json) -> Plan:
    address = sip_address(run)
    if not address:
        return Fail("trunk_incomplete", TITLE, GONE)
    subject = f"{run.step.id}:{run.step.made.get('tries', 0)}"
    if not Effect.has("key = ?", f"{SIP_CALL.name}:{subject}"):
        if paused(run.account.id, "calls"):
            return Wait(PAUSE, PAUSED)
        if over_ceiling(run.account.id, "calls", business_now()):
            return Fail("ceiling_reached", TITLE, CEILING)
    settings = run.setup.phone_integration_settings
    shown = get_settings().forwarding_test_number or settings.get("username", "")
    return reserve_for_account(
        SIP_CALL,
        subject,
        {"to": address, "from": shown},
        run.account.id,
        run.deployment.asked_by,
        "does the receptionist answer by SIP",
    )


def _refused(run: Run, effect: Effect) -> Plan:
    """Fail. A retry places another call."""
    run.step.record(made={"tries": run.step.made.get("tries", 0) + 1})
    return Fail(effect.error_code or "refused", TITLE, effect.error or "")


def _record(_run: Run, _effect: Effect, answer: Json) -> Json:
    return {"call": answer["id"]}


def _look(run: Run) -> Json:
    return get_call(run.made("sip_test_call")["call"])


def _plan(run: Run, seen: Json) -> Plan:
    if seen["status"] in ANSWERED:
        return Done()
    if seen["status"] in FINAL:
        return Fail("sip_unanswered", TITLE, UNANSWERED.format(status=seen["status"]))
    return Wait(LOOK_AGAIN, SIP_TEST_ANSWERED.saying)


SIP_TEST_CALL = StepKind(
    name="sip_test_call",
    saying="Placing a test call...",
    plan=_place,
    record=_record,
    refused=_refused,
    lasts=False,
)
SIP_TEST_ANSWERED = StepKind(
    name="sip_test_answered",
    saying="Waiting for the test call to be answered...",
    look=_look,
    plan=_plan,
    again="sip_test_call",
    lasts=False,
)
