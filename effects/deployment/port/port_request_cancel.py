"""A port request is cancelled, while it can be: the number stays with its carrier.

Twilio is asked first how it stands: a number that has moved is to be kept, and what is over or gone
needs no cancelling. What a request came to is in `came_to`: `canceled`, or `moved` with the
number's `number_sid`.
"""

from effects.deployment.objects import UNDONE
from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.twilio import numbers, porting
from providers.twilio.refusals import NOT_FOUND
from rules.deployment.porting import DONE, OVER, port_of

LATE = "the number has moved, and Twilio does not list it yet"


def _send(effect: Effect) -> Json:
    over = find_end(effect.request["sid"])
    if over is None:
        try:
            porting.cancel_port(effect.request["sid"])
        except ProviderError as error:
            over = find_end(effect.request["sid"]) if error.outcome == "refused" else None
            if over is None:
                raise
    return over or {"id": effect.request["sid"], "came_to": "canceled"}


def find_end(sid: str) -> Json | None:
    """What a request came to; None while it is open. Raises ProviderError."""
    try:
        port = porting.get_port(sid)
    except ProviderError as error:
        if error.code != NOT_FOUND:
            raise
        return {"id": sid, "came_to": "canceled"}
    number: Json = next(iter(port["numbers"]), {})
    what = port_of(port, number).what
    if what == DONE:
        owned = numbers.find_number_by_e164(number.get("number", ""))
        if owned is None:
            raise ProviderError("twilio", "retry_later", LATE, "number_late", answered=True)
        return {"id": sid, "came_to": "moved", "number_sid": owned["id"]}
    return {"id": sid, "came_to": "canceled"} if what == OVER else None


PORT_REQUEST_CANCEL = Kind(
    name="port_request_cancel",
    provider="twilio",
    does="Cancel a port request at Twilio",
    recorded_by=UNDONE,
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id", "came_to", "number_sid"),
    send=_send,
    find=lambda effect: find_end(effect.request["sid"]),
    target_field="sid",
)
