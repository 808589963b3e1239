"""The bills of carriers that port requests need."""

from typing import Annotated, Any

import falcon
from pydantic import Field

from actions.deployment.configuration.port_documents import add_port_document
from web.accounts.accounts import account_of
from web.deployment.answers import PortDocumentShown
from web.deployment.configuration.knowledge_files import decoded
from web.http.body import Body, check
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.multipart import read_file_or_json
from web.openapi.openapi import documented


class NewPortDocument(Body):
    """A bill of the last 30 days: pdf, png or jpg, of at most 700 KB, in base64. Its type is told
    by content and name; `contentType` is what the sender takes it for.
    """

    name: Annotated[str, Field(max_length=1000)]
    content_type: Annotated[str, Field(max_length=200)] = ""
    content_base64: Annotated[str, Field(max_length=1_400_000)]


class PortDocuments:
    """`/api/accounts/{account_id}/port-documents`"""

    def read_body(self, req: falcon.Request) -> Any:
        """A form's file, or JSON."""
        return read_file_or_json(req)

    @documented("Wizard", {201: PortDocumentShown}, body=NewPortDocument)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> None:
        """Add a bill of the present carrier: as JSON, or as the field `file` of
        multipart/form-data. Name its id as the port's `documentId`. It is given to Twilio by Deploy
        and not kept after that. No payment is needed.
        """
        account, wanted = account_of(req, account_id), check(NewPortDocument, document)
        content = decoded(wanted.content_base64)
        kept = add_port_document(account, wanted.name, content, caller_of(req).actor)
        resp.status = falcon.HTTP_201
        resp.media = PortDocumentShown.of(kept).document()
