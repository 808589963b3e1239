"""Porting a clinic's own number to us: its carrier's bill, and the port request."""

from effects.deployment.objects import UNDONE, deployment_kind
from effects.kind import Cost, Json, Kind
from models.deployment.port_document import PortDocument
from models.deployment.setup import Setup
from models.effects.effect import Effect
from providers.errors import ProviderError, masking, none_if_missing
from providers.twilio import numbers, porting
from providers.twilio.refusals import NOT_FOUND
from rules.deployment.porting import DONE, OVER, port_of
from runtime.log import get_log
from runtime.secret_box import unseal
from runtime.settings import get_settings


# The bill's content is in our row, not in the request. Twilio lists no documents, so an upload
# without an answer is repeated: nobody reads a bill that no port request names, and it costs
# nothing.
def _upload(effect: Effect) -> Json:
    file = PortDocument.get_by_id(effect.request["document"])
    if file.content is None:
        raise ProviderError("twilio", "refused", "The bill is no longer stored.", "no_document")
    tag = effect.request["tag"]
    return porting.upload_document(file.name, bytes(file.content), file.content_type, tag)


PORT_DOCUMENT_UPLOAD = deployment_kind(
    name="port_document_upload",
    provider="twilio",
    does="Upload a carrier's bill to Twilio",
    send=_upload,
    find=lambda _effect: None,
    target_field="document",
)


# One port request per number, whoever made it. It carries no tag, but a number has at most one open
# request. So before one is made, and whenever an answer was lost, the list is searched for the
# number. The PIN is in no request of ours: it is unsealed from the clinic's setup just before the
# call.
WEBHOOK = "/api/webhooks/twilio/porting"

log = get_log("deployment")


def _request(effect: Effect) -> Json:
    there = _find_request(effect)
    if there is not None:
        return there
    _report_to_us()
    number: Json = {"phone_number": effect.request["number"]}
    setup = Setup.of(effect.request["account"])
    sealed = {} if setup is None else setup.sealed
    if "sealedPin" in sealed:
        number["pin"] = unseal(sealed["sealedPin"])
    with masking(number.get("pin", "")):
        return porting.create_port(effect.request["body"] | {"phone_numbers": [number]})


def _find_request(effect: Effect) -> Json | None:
    return porting.find_port(effect.request["number"])


def _report_to_us() -> None:
    """Register our webhook for ports. Twilio has one for the whole account, and that of another
    installation is left alone. Then, or if Twilio refuses ours, the hourly poll reads how ports go.
    """
    try:
        if not porting.webhook():
            porting.set_webhook(f"{get_settings().public_url}{WEBHOOK}")
    except ProviderError as error:
        log.warning("port webhook not registered", code=error.code, reason=str(error))


def _is_its_own(effect: Effect, port: Json) -> bool:
    return any(each["number"] == effect.request["number"] for each in port["numbers"])


PORT_REQUEST_CREATE = Kind(
    name="port_request_create",
    provider="twilio",
    does="Request that a number be ported to Twilio",
    recorded_by="deploy_account",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.PLATFORM,
    undone_by="port_request_cancel",
    expires=True,
    keep=("id", "status"),
    send=_request,
    find=_find_request,
    read=lambda _effect, sid: porting.get_port(sid),
    is_its_own=_is_its_own,
    keyed=False,
)


# Cancels a port request while that is possible, so that the number stays with its carrier. Twilio
# is asked for its state first: a number that has moved is kept, and a request that is over or gone
# needs no cancelling. `came_to` is the outcome: `canceled`, or `moved` with the number's
# `number_sid`.
LATE = "the number has moved, and Twilio does not list it yet"


def _cancel(effect: Effect) -> Json:
    over = _find_end(effect)
    if over is None:
        try:
            porting.cancel_port(effect.request["sid"])
        except ProviderError as error:
            over = _find_end(effect) if error.outcome == "refused" else None
            if over is None:
                raise
    return over or {"id": effect.request["sid"], "came_to": "canceled"}


def _find_end(effect: Effect) -> Json | None:
    # the effect of a stray, or of an older release, does not name the number
    return find_end(effect.request["sid"], effect.request.get("number", ""))


def find_end(sid: str, e164: str = "") -> Json | None:
    """The outcome of a port request for this number, or by default for its first one; None while
    it is open.

    Raises ProviderError, with `retry_later` if the number has moved and Twilio does not list it
    yet.
    """
    port = none_if_missing(NOT_FOUND, porting.get_port, sid)
    if port is None:
        return {"id": sid, "came_to": "canceled"}
    named = (each for each in port["numbers"] if e164 in {"", each["number"]})
    number: Json = next(named, {"number": e164})
    what = port_of(port, number).what
    if what == DONE:
        owned = numbers.find_number_by_e164(number["number"])
        if owned is None:
            raise ProviderError("twilio", "retry_later", LATE, "number_late", answered=True)
        return {"id": sid, "came_to": "moved", "number_sid": owned["id"]}
    return {"id": sid, "came_to": "canceled"} if what == OVER else None


PORT_REQUEST_CANCEL = deployment_kind(
    name="port_request_cancel",
    provider="twilio",
    does="Cancel a port request at Twilio",
    recorded_by=UNDONE,
    keep=("id", "came_to", "number_sid"),
    send=_cancel,
    find=_find_end,
    target_field="sid",
)
