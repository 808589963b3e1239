"""Make the assistant that answers the clinic's calls, and the one for calls about bills."""

from collections.abc import Callable

from actions.deployment.configuration.clinic import clinic_of
from actions.deployment.step import Json, Plan, Run, StepKind, step_of
from actions.deployment.vapi_object import VapiObject
from effects.deployment.vapi.assistant import ASSISTANT_CREATE, ASSISTANT_DELETE, ASSISTANT_UPDATE
from models.deployment.resource import Resource
from providers.vapi.assistants import get_assistant
from rules.deployment.payments_member import render_payments
from rules.deployment.receptionist import render_receptionist
from rules.deployment.rendering import Clinic


def _assistant(name: str, what: str) -> VapiObject:
    return VapiObject(
        name=name,
        what=what,
        needed_by="squad",
        create=ASSISTANT_CREATE,
        update=ASSISTANT_UPDATE,
        delete=ASSISTANT_DELETE,
        read=get_assistant,
    )


RECEPTIONIST_AT_VAPI = _assistant("receptionist", "The receptionist")


def searches(account_id: str, tool_id: str) -> bool:
    """Whether the account's receptionist, as it was last sent to Vapi, uses this tool."""
    made = Resource.named(account_id, RECEPTIONIST_AT_VAPI.name)
    sent = {} if made is None else RECEPTIONIST_AT_VAPI.last_sent(made)
    return tool_id in sent.get("model", {}).get("toolIds", ())


def _step(
    assistant: VapiObject, render: Callable[[Run, Clinic], Json], *, saying: str, undo_saying: str
) -> StepKind:
    def plan(run: Run, seen: Json) -> Plan:
        return assistant.plan(run, seen, render(run, clinic_of(run.account, run.setup)))

    return step_of(assistant, saying=saying, plan=plan, undo_saying=undo_saying, lasts=False)


def _receptionist(run: Run, clinic: Clinic) -> Json:
    tool = Resource.named(run.account.id, "query_tool") if clinic.files else None
    return render_receptionist(clinic, "" if tool is None else tool.provider_id)


RECEPTIONIST = _step(
    RECEPTIONIST_AT_VAPI,
    _receptionist,
    saying="Creating AI assistant...",
    undo_saying="The AI assistant was removed.",
)
PAYMENTS = _step(
    _assistant("payments", "The payments assistant"),
    lambda _run, clinic: render_payments(clinic),
    saying="Creating payments assistant...",
    undo_saying="The payments assistant was removed.",
)
