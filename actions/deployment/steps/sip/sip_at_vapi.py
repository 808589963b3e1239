"""Register the trunk and the clinic's number at Vapi, and route the trunk's calls to Vapi."""

from actions.deployment.step import Fail, Json, Plan, Run, Skip, StepKind, UndoPlan, step_of
from actions.deployment.step_effects import open_step_effect, reserve_step_effect
from actions.deployment.steps.routing import record_routed, record_unrouted
from actions.deployment.steps.sip.sip_line import called, username
from actions.deployment.steps.sip.sip_logins import GONE, TITLE
from actions.deployment.steps.sip.sip_trunk import TRUNK
from actions.deployment.vapi_object import VapiObject
from effects.deployment.twilio.trunk import TRUNK_SENDS_ON
from effects.deployment.vapi.number_import import NUMBER_IMPORT_DELETE
from effects.deployment.vapi.sip_number import SIP_NUMBER, SIP_NUMBER_UPDATE
from effects.deployment.vapi.trunk import TRUNK_KNOWN, TRUNK_KNOWN_ANEW, TRUNK_UNKNOWN
from models.deployment.installation import tagged
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.twilio.trunks import origination_urls
from providers.vapi.credentials import get_credential
from providers.vapi.phone_numbers import get_number
from rules.deployment.sip import sip_address_at_vapi, trunk_at_vapi
from runtime.settings import get_settings

KNOWN = VapiObject(
    name="trunk_at_vapi",
    what="The SIP trunk at Vapi",
    needed_by="vapi_number",
    create=TRUNK_KNOWN,
    update=TRUNK_KNOWN_ANEW,
    delete=TRUNK_UNKNOWN,
    read=get_credential,
)
NUMBER = VapiObject(
    name="vapi_number",
    what="The phone number at Vapi",
    needed_by="",
    create=SIP_NUMBER,
    update=SIP_NUMBER_UPDATE,
    delete=NUMBER_IMPORT_DELETE,
    read=get_number,
)
NUMBER_BACK = "Calls reach the receptionist by the previous number."
SENT_ON = "The trunk already sends calls on to your receptionist."


def sip_address(run: Run) -> str:
    """Return the SIP address at which Vapi answers the clinic's calls; '' without a trunk."""
    known = Resource.named(run.account.id, KNOWN.name)
    if known is None:
        return ""
    return sip_address_at_vapi(called(run), known.provider_id, get_settings().vapi_api_base)


def _make_known(run: Run, seen: Json) -> Plan:
    return KNOWN.plan(run, seen, trunk_at_vapi())


def _route(run: Run, seen: Json) -> Plan:
    known, squad = (Resource.named(run.account.id, name) for name in (KNOWN.name, "squad"))
    if known is None or squad is None:
        return Fail("nothing_to_route", TITLE, GONE)
    body = {"credentialId": known.provider_id, "squadId": squad.provider_id}
    return NUMBER.plan(run, seen, body | _number(called(run)))


def _number(number: str) -> Json:
    return {"number": number, "numberE164CheckEnabled": number.startswith("+")}


def _record_routed(run: Run, effect: Effect, answer: Json) -> Json:
    record_routed(run, answer)
    return NUMBER.record(run, effect, answer)


def _unroute(run: Run) -> UndoPlan:
    """Remove the number at Vapi. If an earlier receptionist stays and the trunk still sends calls
    to the earlier number, set that number at Vapi again instead.
    """
    line_step, sent_on_step = (
        next(step for step in run.steps if step.name == name)
        for name in ("sip_line", "sip_origination")
    )
    made = Resource.named(run.account.id, NUMBER.name)
    is_kept = made is not None and made.deployment_id != run.deployment.id
    where = "account_id = ? AND kind = ? AND key LIKE ? AND state = 'confirmed'"
    asked = run.account.id, TRUNK_SENDS_ON.name, f"%:{sent_on_step.id}%"
    if (
        made is None
        or not (is_kept and run.step.made.get("id") and "before" in line_step.made)
        or run.deployment.goal == "taken_down"
        or Effect.has(where, *asked)
    ):
        return NUMBER.undo(run)
    known = NUMBER.last_sent(made) | _number(line_step.made["before"] or username(run))
    request = {"id": made.provider_id, "tag": tagged(made.id), "body": known}
    return reserve_step_effect(
        run, SIP_NUMBER_UPDATE, request, "its trunk sends to that number", about="back"
    )


def _record_unrouted(run: Run, effect: Effect, answer: Json) -> str | None:
    if effect.kind == SIP_NUMBER_UPDATE.name:
        NUMBER.record(run, effect, answer)
        run.step.record(made={})
        return NUMBER_BACK
    record_unrouted(run)
    NUMBER.undone(run, effect, answer)
    return None


def _look_where(run: Run) -> Json:
    trunk = Resource.named(run.account.id, TRUNK.name)
    if trunk is None:
        return {}
    return {
        "sentOn": [
            each["sip_url"] for each in origination_urls(trunk.provider_id) if each["enabled"]
        ]
    }


def _send_on(run: Run, seen: Json) -> Plan:
    trunk, address = Resource.named(run.account.id, TRUNK.name), sip_address(run)
    if trunk is None or not address:
        return Fail("trunk_incomplete", TITLE, GONE)
    open_one = open_step_effect(run, TRUNK_SENDS_ON)
    if open_one is not None:
        return open_one
    if seen.get("sentOn") == [address]:
        return Skip(SENT_ON)
    request = {"trunk": trunk.provider_id, "tag": tagged(trunk.id), "sip_url": address}
    return reserve_step_effect(
        run, TRUNK_SENDS_ON, request, "the clinic's calls go to its receptionist"
    )


SIP_KNOWN = step_of(
    KNOWN,
    name="sip_known",
    saying="Making the trunk known to your receptionist...",
    plan=_make_known,
    undo_saying="The trunk was removed from the receptionist.",
    lasts=False,
)
SIP_ROUTING = step_of(
    NUMBER,
    name="sip_routing",
    saying="Setting up call routing...",
    plan=_route,
    record=_record_routed,
    undo=_unroute,
    undone=_record_unrouted,
    undo_saying="Calls are no longer routed to the receptionist.",
)
SIP_ORIGINATION = StepKind(
    name="sip_origination",
    saying="Sending calls on to your receptionist...",
    look=_look_where,
    plan=_send_on,
    lasts=False,
)
