"""A carrier's bill is given to Twilio. Its content is in our row, not in the request.

Twilio lists no documents, so what was sent without an answer is sent again: a bill that no port
request names is read by nobody and costs nothing.
"""

from effects.kind import Cost, Json, Kind
from models.deployment.port_document import PortDocument
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.twilio import porting


def _send(effect: Effect) -> Json:
    file = PortDocument.get_by_id(effect.request["document"])
    if file.content is None:
        raise ProviderError("twilio", "refused", "The bill is not kept any more.", "no_document")
    tag = effect.request["tag"]
    return porting.upload_document(file.name, bytes(file.content), file.content_type, tag)


PORT_DOCUMENT_UPLOAD = Kind(
    name="port_document_upload",
    provider="twilio",
    does="Give a carrier's bill to Twilio",
    recorded_by="deploy_account",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
    send=_send,
    find=lambda _effect: None,
    target_field="document",
)
