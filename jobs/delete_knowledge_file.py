"""Delete a knowledge file at Vapi that its clinic has deleted, whatever became of its upload.

Twice is harmless: a file that no longer exists counts as deleted. An upload that might be in flight
is waited for, and looked up by its tag; an upload that was never sent is refused here, so it never
will be. A file that the receptionist's search uses is left until a deployment changes or removes
that search, which stages this job again.
"""

from actions.deployment.configuration.knowledge_files import upload_of
from actions.deployment.steps.query_tool import searched_files
from delivery.attempt import Snooze, recording
from delivery.registry import job
from effects.deployment.vapi.knowledge_file import FILE_DELETE, FILE_UPLOAD
from effects.perform import is_settled, perform, reconcile
from effects.reserve import reserve_for_account
from models.deployment.knowledge_file import KnowledgeFile
from models.effects.effect import Effect
from models.transactions import transaction
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import NotYet
from runtime.log import get_log

IN_USE = "dependant_left"
SETTLES_IN = 5.0  # seconds until an upload in doubt is looked up again

log = get_log("job")


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def delete_knowledge_file(file_id: str) -> None:
    """Delete the file of row `file_id` at Vapi."""
    file = KnowledgeFile.get_by_id(file_id)
    if file.state != "deleting":
        return
    upload = upload_of(file)
    vapi_id = file.vapi_id or _uploaded(upload)
    effect = _reserved(file, upload, vapi_id) if vapi_id else None
    try:
        deleted = perform(effect) if effect else None
    except ProviderError as error:
        if effect is None or error.code != IN_USE or vapi_id not in searched_files(file.account_id):
            raise
        effect.record_refused(error.code, str(error), real_now())  # else it would be in doubt
        log.info("a deleted file is still searched", file=file.id)
        return
    if effect is not None and deleted is None:
        raise NotYet(f"Vapi refused to delete file {file.id}: {effect.error}")
    with recording():
        file, now = KnowledgeFile.locked(file.id), real_now()
        if effect is not None and deleted is not None:
            effect.record_confirmed(deleted["id"], FILE_DELETE.kept(deleted), now)
        file.record(now, state="deleted", content=None)


def _uploaded(upload: Effect) -> str | None:
    """The file's id at Vapi, or None if the upload created none and never will. Raises Snooze while
    it might still be in flight.
    """
    if upload.state == "confirmed":
        return upload.provider_id
    found = reconcile(upload) if upload.in_doubt or upload.generation > 1 else None
    if found is not None:
        with transaction():
            upload.record_confirmed(found["id"], FILE_UPLOAD.kept(found), real_now())
        return str(found["id"])
    not_wanted = "not_wanted", "The file was deleted before it was uploaded.", real_now()
    if upload.in_doubt and is_settled(upload):
        upload.record_refused(*not_wanted)
    elif upload.state != "refused" and not upload.record_never_sent(*not_wanted):
        raise Snooze(f"the upload {upload.id} may be in flight", SETTLES_IN)
    return None


def _reserved(file: KnowledgeFile, upload: Effect, vapi_id: str) -> Effect:
    with transaction():
        refused = len(
            Effect.all("key LIKE ? AND state = 'refused'", f"{FILE_DELETE.name}:{file.id}%")
        )
        return reserve_for_account(
            FILE_DELETE,
            f"{file.id}:{refused}" if refused else file.id,
            {"file": vapi_id},
            file.account_id,
            upload.asked_by,
            f"file {file.id} was deleted",
        )
