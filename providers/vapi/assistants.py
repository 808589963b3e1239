"""Assistants at Vapi: what answers a call. Each publication is a version (`v3`) that can be pinned.

A change replaces each member as a whole: `model` without its tools would be a model without tools,
so it is always sent complete. What someone edits in Vapi's dashboard is their draft; a call follows
the published version.
"""

from datetime import datetime

from providers.vapi import client
from providers.vapi.client import Json, place
from providers.vapi.lists import carries, listed, tagged

KIND = "assistant"
_WHOLE_MODEL = frozenset({"provider", "model", "messages"})


def create_assistant(request: Json, tag: str) -> Json:
    """Make an assistant; the tag becomes its name and part of its metadata."""
    return client.post(f"/{KIND}", tagged(_whole(request), tag))


def get_assistant(assistant_id: str) -> Json:
    """An assistant as it stands."""
    return client.an_object(client.get(place(KIND, assistant_id)))


def update_assistant(assistant_id: str, request: Json, tag: str) -> Json:
    """Change an assistant; `request` is the whole body. `version_of` the answer says what to pin
    from now on.
    """
    return client.patch(place(KIND, assistant_id), tagged(_whole(request), tag))


def find_assistant(tag: str, since: datetime | None = None) -> Json | None:
    """The assistant that carries our tag, among those created since a time."""
    return next((row for row in list_assistants(since) if carries(row, tag)), None)


def list_assistants(since: datetime | None = None) -> list[Json]:
    """Every assistant, newest first."""
    return listed(f"/{KIND}", since)


def delete_assistant(assistant_id: str) -> None:
    """Take an assistant away; see `client.delete` for one that a squad or a number still has."""
    client.delete(place(KIND, assistant_id))


def version_of(assistant: Json) -> str:
    """The published version, as Vapi names it (`v3`); nothing while Vapi keeps none."""
    version = assistant.get("latestVersion")
    return version if isinstance(version, str) else ""


def _whole(request: Json) -> Json:
    """`request`, with a complete model. Raises ValueError for one that would lose its prompt."""
    if not set(request.get("model") or ()) >= _WHOLE_MODEL:
        raise ValueError("Vapi replaces `model` as a whole: send provider, model and messages")
    return request
