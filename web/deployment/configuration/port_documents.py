"""The carriers' bills that port requests need."""

from typing import Any

import falcon

from actions.deployment.configuration.port_documents import add_port_document
from web.accounts.accounts import account_of
from web.deployment.configuration.knowledge_files import decoded
from web.deployment.responses import PortDocumentShown
from web.http.body import check
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.multipart import FileBody, TakesFile
from web.openapi.openapi import documented


class NewPortDocument(FileBody):
    """A bill of the last 30 days: pdf, png or jpg, of at most 700 KB, in base64. Its type is
    determined by content and name; `contentType` is the type that the sender claims.
    """


class PortDocuments(TakesFile):
    """`/api/accounts/{account_id}/port-documents`"""

    @documented("Wizard", {201: PortDocumentShown}, body=NewPortDocument)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> None:
        """Add the current carrier's bill: as JSON, or as the field `file` of multipart/form-data.

        Name its id as the port's `documentId`. Deploy sends it to Twilio, after which it is not
        kept. No payment is needed.
        """
        account, wanted = account_of(req, account_id), check(NewPortDocument, document)
        content = decoded(wanted.content_base64)
        kept = add_port_document(account, wanted.name, content, caller_of(req).actor)
        resp.status = falcon.HTTP_201
        resp.media = PortDocumentShown.of(kept).document()
