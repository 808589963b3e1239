"""Make the tool by which the receptionist answers from the clinic's files."""

from datetime import timedelta

from actions.deployment.configuration.clinic import clinic_of, files_in
from actions.deployment.step import Fail, Json, Plan, Run, Skip, Wait, step_of
from actions.deployment.tidy_receptionist import stage_file_deletions
from actions.deployment.vapi_object import VapiObject
from effects.deployment.vapi.query_tool import TOOL_CREATE, TOOL_DELETE, TOOL_UPDATE
from models.delivery.stage import stage_again
from models.deployment.deployment_step import DeploymentEvent
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.vapi.tools import get_tool
from rules.deployment.query_tool import render_query_tool

SAYING = "Preparing your documents..."
READING = "Waiting until your documents have been read..."
NONE = "There are no documents: the receptionist knows your name and number only."
UNREADABLE = "None of your documents could be read: the receptionist answers without them."
LEFT_OUT = "Not processed yet, so left out: {names}. Deploy again later to add them."
PATIENCE = timedelta(minutes=5)
LOOK_AGAIN = 5.0  # seconds

TOOL = VapiObject(
    name="query_tool",
    what="The search in your documents",
    needed_by="receptionist",
    create=TOOL_CREATE,
    update=TOOL_UPDATE,
    delete=TOOL_DELETE,
    read=get_tool,
)


def searched_files(account_id: str) -> set[str]:
    """Return Vapi's ids of the files in the account's search tool, as it was last sent to Vapi."""
    made = Resource.named(account_id, TOOL.name)
    return set() if made is None else _files_of(TOOL.last_sent(made))


def _files_of(body: Json) -> set[str]:
    return {each for base in body.get("knowledgeBases", ()) for each in base["fileIds"]}


def _plan(run: Run, seen: Json) -> Plan:
    sent = TOOL.begun(run)
    if sent is not None:
        return sent
    reading = files_in(run.account.id, "waiting", "processing")
    begun = run.step.started_at or run.now
    if reading and run.now - begun < PATIENCE:
        return Wait(LOOK_AGAIN, READING)
    if reading:
        _report_left_out(run, [row.name for row in reading])
    if seen.get("found", {}) is None:  # deleted at Vapi: no search keeps the files any more
        stage_file_deletions(run.account.id)
    clinic = clinic_of(run.account, run.setup)
    if not clinic.files:
        return Skip(UNREADABLE if files_in(run.account.id, "failed") else NONE)
    return TOOL.plan(run, seen, render_query_tool(clinic, TOOL.tag(run)))


def _report_left_out(run: Run, names: list[str]) -> None:
    """Report once which files the deployment no longer waits for."""
    if run.step.made.get("leftOut"):
        return
    run.step.record(made=run.step.made | {"leftOut": names})
    message = LEFT_OUT.format(names=", ".join(names))
    DeploymentEvent.record(run.deployment.id, run.step.name, run.step.state, message, run.now)


def _record(run: Run, effect: Effect, answer: Json) -> Json:
    stage_file_deletions(run.account.id)
    return TOOL.record(run, effect, answer)


def _refused(run: Run, effect: Effect) -> Plan:
    """Plan again without a file that was deleted since; otherwise fail, with Vapi's words."""
    kept = {row.vapi_id for row in files_in(run.account.id, "done")}
    if _files_of(effect.request["body"]) <= kept:
        return Fail(effect.error_code or "refused", "Deployment failed.", effect.error or "")
    stage_again("deploy_account", run.step.id, run.step.id, fair_to=run.account.id)
    return Wait(0, SAYING)


def _undone(run: Run, effect: Effect, answer: Json) -> None:
    stage_file_deletions(run.account.id)
    TOOL.undone(run, effect, answer)


QUERY_TOOL = step_of(
    TOOL,
    saying=SAYING,
    plan=_plan,
    record=_record,
    refused=_refused,
    undone=_undone,
    undo_saying="The search in your documents was removed.",
    lasts=False,
)
