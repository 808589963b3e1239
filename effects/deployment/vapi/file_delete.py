"""A knowledge file is taken away at Vapi. Twice is harmless: what is not there is taken away."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.vapi import files as vapi_files


def _send(effect: Effect) -> Json:
    vapi_files.delete_file(effect.request["file"])
    return {"id": effect.request["file"]}


def _find(effect: Effect) -> Json | None:
    """That it is gone; None while it is there."""
    file_id: str = effect.request["file"]
    try:
        vapi_files.get_file(file_id)
    except ProviderError as error:
        if error.code == "not_found":
            return {"id": file_id}
        raise
    return None


FILE_DELETE = Kind(
    name="file_delete",
    provider="vapi",
    does="Delete a knowledge file at Vapi",
    recorded_by="delete_knowledge_file",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
    send=_send,
    find=_find,
    target_field="file",
)
