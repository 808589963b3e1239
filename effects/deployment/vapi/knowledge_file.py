"""A clinic's knowledge file at Vapi. Its content is in our row, not in the request."""

from datetime import datetime

from effects.deployment.objects import removal
from effects.kind import Cost, Json, Kind, tag_of
from models.deployment.knowledge_file import KnowledgeFile
from models.effects.effect import Effect
from providers.vapi import files as vapi_files


def _send(effect: Effect) -> Json:
    file = KnowledgeFile.get_by_id(effect.request["file"])
    content = bytes(file.content or b"")
    return vapi_files.upload_file(file.name, content, file.content_type, effect.request["metadata"])


def _find(effect: Effect) -> Json | None:
    return vapi_files.find_file(tag_of(effect))


def _find_asked(effect: Effect, _asked_at: datetime) -> Json | None:
    return _find(effect)


def _read(_effect: Effect, file_id: str) -> Json:
    return vapi_files.get_file(file_id)


FILE_UPLOAD = Kind(
    name="file_upload",
    provider="vapi",
    does="Upload a knowledge file to Vapi",
    recorded_by="upload_knowledge_file",
    many_per_job=False,
    daily_limit="files",
    costs=Cost.PLATFORM,
    undone_by="file_delete",
    expires=False,
    keep=("id", "status"),
    send=_send,
    find=_find,
    find_asked=_find_asked,
    keyed=False,
    read=_read,
)


# repeating it is harmless: a file that no longer exists counts as deleted
FILE_DELETE = removal(
    "file_delete",
    "Delete a knowledge file at Vapi",
    provider="vapi",
    field="file",
    gone="not_found",
    delete=vapi_files.delete_file,
    read=vapi_files.get_file,
    recorded_by="delete_knowledge_file",
)
