"""The assistant that answers the clinic's calls."""

from actions.deployment.configuration.clinic import clinic_of
from actions.deployment.step import Json, Plan, Run, StepKind
from actions.deployment.vapi_object import VapiObject
from effects.deployment.vapi.assistant import ASSISTANT_CREATE, ASSISTANT_DELETE, ASSISTANT_UPDATE
from models.deployment.resource import Resource
from providers.vapi.assistants import get_assistant
from rules.deployment.receptionist import render_receptionist

ASSISTANT = VapiObject(
    name="receptionist",
    what="The receptionist",
    needed_by="squad",
    create=ASSISTANT_CREATE,
    update=ASSISTANT_UPDATE,
    delete=ASSISTANT_DELETE,
    read=get_assistant,
)


def _plan(run: Run, seen: Json) -> Plan:
    clinic = clinic_of(run.account, run.setup)
    tool = Resource.named(run.account.id, "query_tool") if clinic.files else None
    body = render_receptionist(clinic, "" if tool is None else tool.provider_id)
    return ASSISTANT.plan(run, seen, body)


RECEPTIONIST = StepKind(
    name=ASSISTANT.name,
    saying="Creating AI assistant...",
    look=ASSISTANT.look,
    plan=_plan,
    record=ASSISTANT.record,
    undo=ASSISTANT.undo,
    undone=ASSISTANT.undone,
    undo_saying="The AI assistant was taken away.",
    lasts=False,
)
