"""Knowledge files at Vapi: uploaded, read into text there (`processing`, then `done` or `failed`).

What is kept of a file has no address: anyone could read the file by it.
"""

import json
from typing import Any

from providers.vapi import client
from providers.vapi.client import Json, place
from providers.vapi.lists import carries, rows_of

KIND = "file"
PURPOSE = "assistant"  # lists of files need one
_KEPT = ("id", "status", "name", "originalName", "bytes", "mimetype", "metadata", "createdAt")


def upload_file(name: str, content: bytes, content_type: str, metadata: dict[str, str]) -> Json:
    """Upload a file. `name` is its own, whose ending tells Vapi how to read it; `metadata` holds
    our tag as `attempt_id`.
    """
    fields = {"purpose": PURPOSE, "metadata": json.dumps(metadata)}
    return _kept(client.post_form(f"/{KIND}", fields, (name, content, content_type)))


def get_file(file_id: str) -> Json:
    """A file as it stands; its `status` says whether it was read."""
    return _kept(client.an_object(client.get(place(KIND, file_id))))


def find_file(tag: str) -> Json | None:
    """The file that carries our tag."""
    return next((row for row in list_files() if carries(row, tag)), None)


def list_files() -> list[Json]:
    """Every file of ours. This list knows neither limit nor dates: it comes whole."""
    return [_kept(row) for row in rows_of(client.get(f"/{KIND}", {"purpose": PURPOSE}))]


def delete_file(file_id: str) -> None:
    """Take a file away."""
    client.delete(place(KIND, file_id))


def _kept(file: Json) -> dict[str, Any]:
    return {name: file[name] for name in _KEPT if name in file}
