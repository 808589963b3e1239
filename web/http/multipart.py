"""Reads a file from a multipart form, as browsers send it; its size is limited like any body's."""

import base64
import io
from typing import Annotated, Any

import falcon
from falcon.media import MultipartFormHandler
from pydantic import Field

from web.http.body import Body, read_json, read_raw
from web.http.guards.card_guard import refuse_card_numbers
from web.http.problems import Problem

FORM = "multipart/form-data"
FILE = "file"  # the name of the form's field


class FileBody(Body):
    """A file in base64; `contentType` is the type that the sender claims."""

    name: Annotated[str, Field(max_length=1000)]
    content_type: Annotated[str, Field(max_length=200)] = ""
    content_base64: Annotated[str, Field(max_length=1_400_000)]


class TakesFile:
    """A resource that accepts a file, as JSON or as a form."""

    def read_body(self, req: falcon.Request) -> Any:
        """Read a form with a file, or JSON."""
        return read_file_or_json(req)


def read_file_or_json(req: falcon.Request) -> Any:
    """The body as JSON; of a form, the JSON equivalent of its file: name, contentType and
    contentBase64. Raises Problem 400, 413 or 422.
    """
    kind = req.content_type or ""
    if not kind.lower().startswith(FORM):
        return read_json(req)
    raw = read_raw(req)
    try:
        form = MultipartFormHandler().deserialize(io.BytesIO(raw), kind, len(raw))
        files = [_document(part) for part in form if part.name == FILE]
    except (falcon.HTTPError, ValueError):
        raise Problem("bad_request", "The form is damaged: it could not be read.") from None
    if len(files) != 1:
        raise Problem(
            "bad_request", f"The form has {len(files)} fields called {FILE}: one is accepted."
        )
    refuse_card_numbers({"name": files[0]["name"]})
    return files[0]


def _document(part: Any) -> dict[str, str]:
    return {
        "name": part.filename or "",
        "contentType": part.content_type or "",
        "contentBase64": base64.b64encode(part.get_data()).decode(),
    }
