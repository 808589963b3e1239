"""Clean up once a receptionist is live: a search tool without documents, and deleted documents."""

from actions.deployment.configuration.clinic import files_in
from actions.deployment.step import Json
from actions.deployment.steps.assistants import searches
from effects.deployment.vapi.query_tool import TOOL_DROP
from effects.kinds import kind_of
from effects.reserve import reserve_for_account
from models.delivery.stage import stage_again
from models.deployment.deployment import Deployment
from models.deployment.resource import Resource
from models.effects.effect import Effect
from models.transactions import serialize_on
from runtime.clock import real_now


def plan_tidying(deployment_id: str) -> Effect | None:
    """Stage the removal of deleted files, and return the effect that removes the search tool if no
    document is left for it. Needs a transaction.
    """
    deployment = Deployment.get_by_id(deployment_id)
    account_id = deployment.account_id
    serialize_on(f"deployment:{account_id}")  # no deployment may begin to use the tool now
    begun = Effect.one("key = ?", f"{TOOL_DROP.name}:{deployment_id}")
    if begun is not None:
        return begun
    if Deployment.under_way(account_id) is not None:
        return None  # that deployment stages its own clean-up
    stage_file_deletions(account_id)
    tool = Resource.named(account_id, "query_tool")
    if tool is None or files_in(account_id, "waiting", "processing", "done"):
        return None
    if searches(account_id, tool.provider_id):
        return None  # its last file was deleted only since
    # no account's from here on: if it cannot be removed, it is reported as a stray
    tool.record(real_now(), state="released")
    return reserve_for_account(
        TOOL_DROP,
        deployment_id,
        {"id": tool.provider_id},
        account_id,
        deployment.asked_by,
        "no document is left for it",
    )


def record_tidied(effect: Effect, answer: Json) -> None:
    """Record that the search tool is removed, and stage the removal of its deleted files."""
    effect.record_confirmed(answer["id"], kind_of(effect).kept(answer), real_now())
    stage_file_deletions(effect.account_id or "")


def stage_file_deletions(account_id: str) -> None:
    """Stage the removal of deleted files. Vapi keeps a file while a search tool uses it, so they
    can be removed only now.
    """
    for row in files_in(account_id, "deleting"):
        stage_again("delete_knowledge_file", row.id, row.id, fair_to=account_id)
