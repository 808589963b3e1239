"""The assistant to which calls about bills are handed over."""

from actions.deployment.configuration.clinic import clinic_of
from actions.deployment.step import Json, Plan, Run, StepKind
from actions.deployment.vapi_object import VapiObject
from effects.deployment.vapi.assistant import ASSISTANT_CREATE, ASSISTANT_DELETE, ASSISTANT_UPDATE
from providers.vapi.assistants import get_assistant
from rules.deployment.payments_member import render_payments

ASSISTANT = VapiObject(
    name="payments",
    what="The payments assistant",
    needed_by="squad",
    create=ASSISTANT_CREATE,
    update=ASSISTANT_UPDATE,
    delete=ASSISTANT_DELETE,
    read=get_assistant,
)


def _plan(run: Run, seen: Json) -> Plan:
    return ASSISTANT.plan(run, seen, render_payments(clinic_of(run.account, run.setup)))


PAYMENTS = StepKind(
    name=ASSISTANT.name,
    saying="Creating payments assistant...",
    look=ASSISTANT.look,
    plan=_plan,
    record=ASSISTANT.record,
    undo=ASSISTANT.undo,
    undone=ASSISTANT.undone,
    undo_saying="The payments assistant was taken away.",
    lasts=False,
)
