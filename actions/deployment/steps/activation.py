"""Wait until the number is active at Vapi, so that callers are answered, and check that its texts
still reach us.

An imported number is `activating` for minutes, and its callers are not answered until then.
"""

from datetime import timedelta

from actions.deployment.step import Done, Fail, Json, Plan, Run, StepKind, Wait
from effects.deployment.vapi.number_texts import text_webhook, texts_reach_us
from models.deployment.phone_line import PhoneLine
from providers.errors import ProviderError
from providers.twilio import numbers
from providers.twilio.refusals import NOT_FOUND
from providers.vapi import phone_numbers

TITLE = "Deployment failed."
PATIENCE = timedelta(minutes=15)
LOOK_AGAIN = 10.0  # seconds
NOT_IMPORTED = "The phone number no longer exists at Vapi or at Twilio. Deploy again."
ELSEWHERE = (
    "Texts to the number do not reach us, so a STOP would be missed. In the Twilio console, at the"
    " number, set the URL for incoming messages to {url}, remove any messaging application, and"
    " deploy again."
)
BLOCKED = "Vapi has blocked the number. Ask Vapi's support why, and deploy again."
TOO_LONG = (
    "The number was imported into Vapi {minutes} minutes ago and is not active yet. Look at it in"
    " Vapi's dashboard, and deploy again."
)


def _look(run: Run) -> Json:
    line = PhoneLine.of(run.account.id)
    if line is None or not line.vapi_id:
        return {"status": ""}
    try:
        at_vapi = phone_numbers.get_number(line.vapi_id)
        at_twilio = numbers.get_number(line.twilio_sid) if line.twilio_sid else None
    except ProviderError as error:
        if error.code not in {"not_found", NOT_FOUND}:
            raise
        return {"status": ""}
    return {
        "status": at_vapi.get("status") or "unknown",
        "texts": at_twilio is None or texts_reach_us(at_twilio),
    }


def _plan(run: Run, seen: Json) -> Plan:
    if not seen["status"]:
        return Fail("not_imported", TITLE, NOT_IMPORTED)
    if not seen["texts"]:
        return Fail("texts_elsewhere", TITLE, ELSEWHERE.format(url=text_webhook()))
    if seen["status"] == phone_numbers.ACTIVE:
        return Done()
    if seen["status"] == "blocked":
        return Fail("number_blocked", TITLE, BLOCKED)
    if run.now - (run.step.started_at or run.now) >= PATIENCE:
        minutes = PATIENCE.total_seconds() // 60
        return Fail("number_not_active", TITLE, TOO_LONG.format(minutes=int(minutes)))
    return Wait(LOOK_AGAIN, "Waiting until the phone number is active...")


ACTIVATION = StepKind(
    name="activation",
    saying="Activating the phone number...",
    look=_look,
    plan=_plan,
    lasts=False,
)
