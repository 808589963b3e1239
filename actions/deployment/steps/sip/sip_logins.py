"""Make the clinic's SIP login: a credential list at Twilio, with the password that the clinic was
shown.
"""

import hashlib

from actions.deployment.step import Fail, Json, Plan, Run, Skip, StepKind, step_of
from actions.deployment.step_effects import reserve_step_effect
from actions.deployment.twilio_object import TwilioObject
from effects.deployment.twilio.login_list import LOGIN_LIST_CREATE, LOGIN_LIST_DELETE, LOGIN_SET
from models.deployment.resource import Resource
from models.deployment.setup import Setup
from models.effects.effect import Effect
from providers.twilio.trunks import get_credential_list

TITLE = "Deployment failed."
GONE = "A part of the trunk no longer exists. Deploy again to create it."
LIST = TwilioObject(
    "login_list", "The list of logins", LOGIN_LIST_CREATE, LOGIN_LIST_DELETE, get_credential_list
)
SAME = "The login is already set."


def _set(run: Run, _seen: Json) -> Plan:
    made = Resource.named(run.account.id, LIST.name)
    if made is None:
        return Fail("trunk_incomplete", TITLE, GONE)
    mark = password_mark(run.setup)
    if made.digest == mark:
        return Skip(SAME)
    username = run.setup.phone_integration_settings.get("username", "")
    request = {"account": run.account.id, "list": made.provider_id, "username": username}
    return reserve_step_effect(run, LOGIN_SET, request | {"mark": mark}, "the clinic's SIP login")


def _record(run: Run, effect: Effect, answer: Json) -> Json:
    """Store a digest of the sealed password that was set, so that a new password is noticed."""
    made = Resource.named(run.account.id, LIST.name)
    if made is not None:
        made.record(run.now, digest=effect.request["mark"])
    return {"id": answer["id"]}


def password_mark(setup: Setup) -> str:
    """Return the digest by which the list's row tells which password the clinic's login has."""
    sealed = setup.sealed.get("sealedPassword", "")
    return hashlib.sha256(sealed.encode()).hexdigest()


def _is_outdated(run: Run) -> bool:
    """Whether the clinic has been given another password since."""
    made = Resource.named(run.account.id, LIST.name)
    return made is not None and made.digest != password_mark(run.setup)


SIP_LOGIN_LIST = step_of(
    LIST,
    name="sip_login_list",
    saying="Creating your SIP credentials...",
    plan=LIST.plan,
    undo_saying="The SIP credentials were removed.",
    lasts=False,
)
SIP_LOGIN = StepKind(
    name="sip_login",
    saying="Setting your SIP password...",
    plan=_set,
    record=_record,
    lasts=False,
    is_outdated=_is_outdated,
)
