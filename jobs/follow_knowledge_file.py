"""Find out whether Vapi could read an uploaded knowledge file, and if not, why.

Twice is harmless: it changes nothing at Vapi. A file that Vapi does not finish in time has failed.
"""

from datetime import timedelta

from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.deployment.knowledge_file import KnowledgeFile
from providers.errors import none_if_missing
from providers.vapi.files import get_file
from runtime.clock import real_now

PATIENCE = timedelta(minutes=15)
LONGEST_DELAY = 60.0
UNREADABLE = (
    "Vapi could not read any text in it. It may be a scan, damaged, or protected by a password."
    " Delete it, and upload another version."
)
TOO_LONG = "Vapi did not finish reading it in time. Delete it, and upload it again."
GONE = "It is not at Vapi any more. Delete it, and upload it again."


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def follow_knowledge_file(file_id: str) -> None:
    """Check how far Vapi is with the file of row `file_id`."""
    file = KnowledgeFile.get_by_id(file_id)
    if file.state != "processing" or file.vapi_id is None:
        return
    status = _status(file.vapi_id)
    age = real_now() - file.updated_at
    if status not in {"done", "failed", "gone"} and age < PATIENCE:
        delay = min(LONGEST_DELAY, max(2.0, age.total_seconds() / 4))
        raise Snooze(f"Vapi is still reading file {file.id}", delay)
    with recording():
        file = KnowledgeFile.locked(file.id)
        if file.state != "processing":
            return
        why = {"done": "", "failed": UNREADABLE, "gone": GONE}.get(status, TOO_LONG)
        file.record(real_now(), state="failed" if why else "done", error=why)


def _status(vapi_id: str) -> str:
    """Vapi's status of the file, or `gone`."""
    file = none_if_missing("not_found", get_file, vapi_id)
    return "gone" if file is None else str(file.get("status"))
