"""Assistants at Vapi, which answer calls. Each publication is a version (`v3`) that can be pinned.

An update replaces each member as a whole: a `model` sent without its tools would lose them, so
`model` is always sent complete. An edit in Vapi's dashboard is a draft; a call uses the published
version.
"""

from datetime import datetime

from providers.vapi import client
from providers.vapi.client import Json, object_path
from providers.vapi.lists import carries, listed, tagged

KIND = "assistant"
_WHOLE_MODEL = frozenset({"provider", "model", "messages"})


def create_assistant(request: Json, tag: str) -> Json:
    """Create an assistant; the tag becomes its name and part of its metadata."""
    return client.post(f"/{KIND}", tagged(_checked_whole(request), tag))


def get_assistant(assistant_id: str) -> Json:
    """Fetch an assistant."""
    return client.checked_object(client.get(object_path(KIND, assistant_id)))


def update_assistant(assistant_id: str, request: Json, tag: str) -> Json:
    """Replace an assistant; `request` is the whole body. Apply `version_of` to the answer to get
    the version to pin.
    """
    return client.patch(object_path(KIND, assistant_id), tagged(_checked_whole(request), tag))


def find_assistant(tag: str, since: datetime | None = None) -> Json | None:
    """Find the assistant that carries our tag, among those created since a time."""
    return next((row for row in list_assistants(since) if carries(row, tag)), None)


def list_assistants(since: datetime | None = None) -> list[Json]:
    """List every assistant, newest first."""
    return listed(f"/{KIND}", since)


def delete_assistant(assistant_id: str) -> None:
    """Delete an assistant; see `client.delete` for one that a squad or a number still uses."""
    client.delete(object_path(KIND, assistant_id))


def version_of(assistant: Json) -> str:
    """The published version in Vapi's notation (`v3`); empty if Vapi reports none."""
    version = assistant.get("latestVersion")
    return version if isinstance(version, str) else ""


def _checked_whole(request: Json) -> Json:
    """Return `request` if its model is complete. Raises ValueError if the update would lose the
    prompt.
    """
    if not set(request.get("model") or ()) >= _WHOLE_MODEL:
        raise ValueError("Vapi replaces `model` as a whole: send provider, model and messages")
    return request
