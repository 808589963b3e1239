"""Knowledge files at Vapi: uploaded, then parsed into text there (`processing`, then `done` or
`failed`).

We never keep a file's URL: anyone who has it can read the file.
"""

import json
from typing import Any

from providers.vapi import client
from providers.vapi.client import Json, object_path
from providers.vapi.lists import carries, rows_of

KIND = "file"
PURPOSE = "assistant"  # Vapi requires one to list files
_KEPT = ("id", "status", "name", "originalName", "bytes", "mimetype", "metadata", "createdAt")


def upload_file(name: str, content: bytes, content_type: str, metadata: dict[str, str]) -> Json:
    """Upload a file. Vapi parses it by the extension of `name`; `metadata` holds our tag as
    `attempt_id`.
    """
    fields = {"purpose": PURPOSE, "metadata": json.dumps(metadata)}
    return _kept(client.post_form(f"/{KIND}", fields, (name, content, content_type)))


def get_file(file_id: str) -> Json:
    """Fetch a file; its `status` says whether it was parsed."""
    return _kept(client.checked_object(client.get(object_path(KIND, file_id))))


def find_file(tag: str) -> Json | None:
    """Find the file that carries our tag."""
    return next((row for row in list_files() if carries(row, tag)), None)


def list_files() -> list[Json]:
    """List every file of ours. This list has no limit or date filters: it is returned whole."""
    return [_kept(row) for row in rows_of(client.get(f"/{KIND}", {"purpose": PURPOSE}))]


def delete_file(file_id: str) -> None:
    """Delete a file."""
    client.delete(object_path(KIND, file_id))


def _kept(file: Json) -> dict[str, Any]:
    return {name: file[name] for name in _KEPT if name in file}
