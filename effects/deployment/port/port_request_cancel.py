"""A port request is cancelled, while it can be: the number stays with its carrier."""

from effects.deployment.twilio_objects import UNDONE
from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.twilio import porting


def _send(effect: Effect) -> Json:
    porting.cancel_port(effect.request["sid"])
    return {"id": effect.request["sid"]}


def _find(effect: Effect) -> Json | None:
    port = porting.get_port(effect.request["sid"])
    return {"id": port["id"]} if port["status"].lower() in porting.OVER else None


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
    keep=("id",),
    send=_send,
    find=_find,
    target_field="sid",
)
