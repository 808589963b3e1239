"""Make the squad of the receptionist and the payments assistant, each pinned to its current
version.
"""

from actions.deployment.configuration.clinic import clinic_of
from actions.deployment.step import Fail, Json, Plan, Run, step_of
from actions.deployment.vapi_object import VapiObject
from effects.deployment.vapi.squad import SQUAD_CREATE, SQUAD_DELETE, SQUAD_UPDATE
from models.deployment.installation import tagged
from models.deployment.resource import Resource
from providers.vapi.squads import get_squad
from rules.deployment.card_entry import render_card_entry
from rules.deployment.squad import Member, render_squad

SQUAD_AT_VAPI = VapiObject(
    name="squad",
    what="The team of assistants",
    needed_by="vapi_number",
    create=SQUAD_CREATE,
    update=SQUAD_UPDATE,
    delete=SQUAD_DELETE,
    read=get_squad,
)


def _plan(run: Run, seen: Json) -> Plan:
    receptionist, payments = _member(run, "receptionist"), _member(run, "payments")
    if receptionist is None or payments is None:
        return Fail(
            "assistant_missing",
            "Deployment failed.",
            "An assistant of the team no longer exists. Deploy again to create it.",
        )
    clinic = clinic_of(run.account, run.setup)
    entry = render_card_entry(clinic) if clinic.keypad_payments else None
    return SQUAD_AT_VAPI.plan(run, seen, render_squad(receptionist, payments, entry))


def _member(run: Run, name: str) -> Member | None:
    made = Resource.named(run.account.id, name)
    return None if made is None else Member(made.provider_id, tagged(made.id), made.version)


SQUAD = step_of(
    SQUAD_AT_VAPI,
    saying="Connecting your assistants...",
    plan=_plan,
    undo_saying="The team of assistants was removed.",
    lasts=False,
)
