"""The files from which a receptionist answers."""

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Any

import falcon

from actions.deployment.configuration.knowledge_files import add_file, find_file, remove_file
from delivery.perform_now import perform_all, take_due
from models.deployment.knowledge_file import KnowledgeFile
from runtime.errors import Refused
from web.accounts.accounts import account_of
from web.deployment.responses import KnowledgeFileList, KnowledgeFileShown
from web.http.body import check
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import page
from web.http.multipart import FileBody, TakesFile
from web.openapi.openapi import PageQuery, documented

GONE = ("deleting", "deleted")


class NewKnowledgeFile(FileBody):
    """A file: pdf, docx, txt, md, csv or json, of at most 300 KB, in base64. Its type is determined
    by content and name; `contentType` is the type that the sender claims.
    """


class KnowledgeFiles(TakesFile):
    """`/api/accounts/{account_id}/knowledge-files`"""

    @documented(
        "Wizard",
        {201: KnowledgeFileShown},
        body=NewKnowledgeFile,
        problems=("ceiling_reached",),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> None:
        """Add a file: as JSON, or as the field `file` of multipart/form-data.

        It is uploaded to Vapi and processed there: poll its `state` until it is `done` or `failed`.
        No payment is needed.
        """
        account, wanted = account_of(req, account_id), check(NewKnowledgeFile, document)
        content = decoded(wanted.content_base64)
        file = add_file(account, wanted.name, content, caller_of(req).actor)
        resp.status = falcon.HTTP_201
        resp.media = KnowledgeFileShown.of_row(file).document()
        resp.set_header("Location", f"{req.path}/{file.id}")

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Upload the file if no worker has begun to."""
        return partial(perform_all, [take_due("upload_knowledge_file", answer["id"])])

    @documented("Wizard", {200: KnowledgeFileList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """The account's files, newest first."""
        rows = KnowledgeFile.select().where(KnowledgeFile.account == account_of(req, account_id))
        files = rows.where(KnowledgeFile.state.not_in(GONE))
        resp.media = page(req, files, lambda row: KnowledgeFileShown.of_row(row).document(), rows)


class OneKnowledgeFile:
    """`/api/accounts/{account_id}/knowledge-files/{file_id}`"""

    @documented("Wizard", {200: KnowledgeFileShown})
    def on_get(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, file_id: str
    ) -> None:
        """A file and its state."""
        file = find_file(account_of(req, account_id), file_id)
        resp.media = KnowledgeFileShown.of_row(file).document()

    @documented("Wizard", {204: None})
    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, file_id: str
    ) -> None:
        """Delete a file, whatever its state."""
        remove_file(account_of(req, account_id), file_id, caller_of(req).actor)
        resp.status = falcon.HTTP_204


def decoded(text: str) -> bytes:
    """Decode a file in base64. Raises Refused `invalid`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        wrong = "is not base64; the file's bytes in base64 are accepted; encode it again"
        raise Refused(
            "invalid",
            f"contentBase64 {wrong}.",
            [{"field": "contentBase64", "message": wrong}],
        ) from None
