"""Upload a clinic's knowledge file to Vapi, once.

Twice is harmless: the file at Vapi carries our row's tag, by which it is looked up before it is
uploaded again. A file that was deleted in the meantime is not uploaded; if its upload was already
in flight, it is deleted again.
"""

from actions.deployment.configuration.knowledge_files import upload_of
from delivery.attempt import recording
from delivery.registry import job
from effects.deployment.vapi.knowledge_file import FILE_UPLOAD
from effects.perform import InDoubt, perform
from models.delivery.stage import stage, stage_again
from models.deployment.knowledge_file import KnowledgeFile
from runtime.clock import real_now

LOOK_AFTER = 2.0  # seconds; most files are read by then
LOST = "It is unknown whether Vapi accepted the file. Delete it, and upload it again."


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def upload_knowledge_file(file_id: str) -> None:
    """Upload the file of row `file_id`."""
    file = KnowledgeFile.get_by_id(file_id)
    if file.state != "waiting":
        return
    effect = upload_of(file)
    lost = False
    try:
        made = perform(effect, asked_at=file.created_at)
    except InDoubt:  # the clinic sees the error; deleting the file looks it up again
        made, lost = None, True
    with recording():
        file, now = KnowledgeFile.locked(file.id), real_now()
        if made is not None:
            effect.record_confirmed(made["id"], FILE_UPLOAD.kept(made), now)
        if file.state != "waiting":  # deleted in the meantime
            stage_again("delete_knowledge_file", file.id, file.id, fair_to=file.account_id)
        elif made is not None:
            file.record(now, state="processing", vapi_id=made["id"], content=None)
            stage(
                "follow_knowledge_file", file.id, file.id, fair_to=file.account_id, delay=LOOK_AFTER
            )
        else:
            why = LOST if lost else f"Vapi did not take the file: {effect.error}"
            file.record(now, state="failed", error=why, content=None)
