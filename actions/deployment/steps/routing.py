"""Import the clinic's number into Vapi, so that its squad answers calls. Texts stay with us."""

from actions.deployment.step import Fail, Json, Plan, Run, step_of
from actions.deployment.vapi_object import VapiObject
from effects.deployment.vapi.number_import import (
    NUMBER_IMPORT,
    NUMBER_IMPORT_DELETE,
    NUMBER_IMPORT_UPDATE,
    twilio_login,
)
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.vapi.phone_numbers import get_number

FAILED = "Deployment failed."
NUMBER_AT_VAPI = VapiObject(
    name="vapi_number",
    what="The phone number at Vapi",
    needed_by="",
    create=NUMBER_IMPORT,
    update=NUMBER_IMPORT_UPDATE,
    delete=NUMBER_IMPORT_DELETE,
    read=get_number,
    as_sent=lambda body: body | {"login": twilio_login()},
)


def _plan(run: Run, seen: Json) -> Plan:
    line, squad = PhoneLine.of(run.account.id), Resource.named(run.account.id, "squad")
    if line is None or line.e164 is None or squad is None:
        return Fail(
            "nothing_to_route",
            FAILED,
            "The number or the team of assistants no longer exists. Deploy again.",
        )
    imported = (seen.get("found") or {}).get("number")
    if imported and imported != line.e164:
        return Fail(
            "other_number",
            FAILED,
            f"The receptionist answers {imported}, but the account's number is {line.e164}. Take"
            " the receptionist down, then deploy again.",
        )
    body = {"number": line.e164, "squadId": squad.provider_id}
    return NUMBER_AT_VAPI.plan(run, seen, body, twilio_sid=line.twilio_sid or "")


def record_routed(run: Run, answer: Json) -> None:
    """Record that Vapi answers the account's line."""
    line = PhoneLine.of(run.account.id)
    if line is not None:
        line.record(run.now, vapi_id=answer["id"])


def record_unrouted(run: Run) -> None:
    """Record that Vapi no longer answers the account's line."""
    line = PhoneLine.of(run.account.id)
    if line is not None:
        line.record(run.now, vapi_id=None)


def _record(run: Run, effect: Effect, answer: Json) -> Json:
    record_routed(run, answer)
    return NUMBER_AT_VAPI.record(run, effect, answer)


def _undone(run: Run, effect: Effect, answer: Json) -> None:
    record_unrouted(run)
    NUMBER_AT_VAPI.undone(run, effect, answer)


ROUTING = step_of(
    NUMBER_AT_VAPI,
    name="routing",
    saying="Setting up call routing...",
    plan=_plan,
    record=_record,
    undone=_undone,
    undo_saying="Calls are no longer routed to the receptionist.",
)
