"""Files: uploaded as multipart forms, and processed a while later; some cannot be read."""

import json
from typing import Any

from sandbox.vapi import multipart, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, failure, in_use, invalid

READ = "vapi file is read"
UNREADABLE = "UNREADABLE"  # in a file's name or content: processing will fail
LONGEST_NAME = 40


def create(books: Books, content_type: str, raw: bytes) -> Json:
    """``POST /file``."""
    parts = multipart.parts(content_type, raw)
    fields: dict[str, Any] = {
        name: part.content.decode("utf-8", "replace") if part.filename is None else part.filename
        for name, part in parts.items()
    }
    shapes.check("CreateFileDTO", fields)
    file = parts["file"]
    if file.filename is None or not file.content:
        raise failure(400, "Bad Request", "Invalid file")
    spoilt = UNREADABLE in file.filename.upper() or UNREADABLE.encode() in file.content
    made = books.keep(
        "file",
        {
            "object": "file",
            "status": "processing",
            "name": file.filename[:LONGEST_NAME],
            "originalName": file.filename,
            "bytes": len(file.content),
            "mimetype": file.type,
            "purpose": fields.get("purpose", "assistant"),
            "metadata": _metadata(fields.get("metadata", "{}")),
        },
    )
    made["url"] = f"https://storage.sandbox.test/{made['id']}"
    books.private[made["id"]] = {"spoilt": spoilt}
    books.shared.timers.at(
        books.shared.now() + books.habits.read_after, READ, books.org, made["id"]
    )
    return made


def _metadata(text: str) -> Json:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise invalid("metadata must be a JSON object")
    return read


def read(books: Books, id: str) -> None:
    """Finish processing a file: done, or failed."""
    if id not in books.tables["file"]:
        return
    spoilt = books.private.get(id, {}).get("spoilt")
    books.change("file", id, {"status": "failed" if spoilt else "done"})


def index(books: Books, query: dict[str, str]) -> list[Json]:
    """``GET /file``: all files of one purpose, which is required."""
    if set(query) != {"purpose"}:
        raise invalid("purpose must be a string")
    rows = [row for row in books.each("file") if row["purpose"] == query["purpose"]]
    return rows[::-1]


def check_is_free(books: Books, id: str) -> None:
    """Refuse to delete a file that a tool uses."""
    for tool in books.each("tool"):
        if any(id in base["fileIds"] for base in tool.get("knowledgeBases") or []):
            raise in_use("file", f"tool {tool['id']}")
