"""Make the clinic's trunk at Twilio, at the domain that it was given, and admit its logins."""

from actions.deployment.step import Fail, Json, Plan, Run, Skip, StepKind, step_of
from actions.deployment.step_effects import open_step_effect, reserve_step_effect
from actions.deployment.steps.sip.sip_logins import GONE, LIST, TITLE
from actions.deployment.twilio_object import TwilioObject
from effects.deployment.twilio.trunk import TRUNK_CREATE, TRUNK_DELETE, TRUNK_LETS_IN
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.twilio.trunks import attached_credential_lists, get_trunk
from rules.deployment.sip import domain_of

TRUNK = TwilioObject("trunk", "The SIP trunk", TRUNK_CREATE, TRUNK_DELETE, get_trunk)
NOT_MADE = (
    "Twilio refused the trunk at {domain}: {why} If that name is already in use at Twilio, ask the"
    " operator of this installation to free it there; then deploy again."
)
LET_IN = "The trunk already admits your phone system."


def _make(run: Run, seen: Json) -> Plan:
    return TRUNK.plan(run, seen, domain=_domain(run))


def _refused(run: Run, effect: Effect) -> Plan:
    why = NOT_MADE.format(domain=_domain(run), why=effect.error or "it gave no reason.")
    return Fail(effect.error_code or "refused", TITLE, why)


def _domain(run: Run) -> str:
    return domain_of(run.setup.phone_integration_settings.get("sipUrl", ""))


def _look(run: Run) -> Json:
    trunk = Resource.named(run.account.id, TRUNK.name)
    return {} if trunk is None else {"letsIn": attached_credential_lists(trunk.provider_id)}


def _let_in(run: Run, seen: Json) -> Plan:
    trunk = Resource.named(run.account.id, TRUNK.name)
    logins = Resource.named(run.account.id, LIST.name)
    if trunk is None or logins is None:
        return Fail("trunk_incomplete", TITLE, GONE)
    open_one = open_step_effect(run, TRUNK_LETS_IN)
    if open_one is not None:
        return open_one
    if logins.provider_id in seen.get("letsIn", ()):
        return Skip(LET_IN)
    request = {"trunk": trunk.provider_id, "list": logins.provider_id}
    return reserve_step_effect(run, TRUNK_LETS_IN, request, "the clinic's phone system signs in")


SIP_TRUNK = step_of(
    TRUNK,
    name="sip_trunk",
    saying="Creating your SIP trunk...",
    plan=_make,
    refused=_refused,
    undo_saying="The SIP trunk was removed.",
)
SIP_ACCESS = StepKind(
    name="sip_access",
    saying="Admitting your phone system...",
    look=_look,
    plan=_let_in,
    lasts=False,
)
