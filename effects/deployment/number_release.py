"""A phone number is given back to Twilio, for good: it cannot be had again."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.twilio import numbers
from providers.twilio.refusals import NOT_FOUND


def _send(effect: Effect) -> Json:
    numbers.release_number(effect.request["sid"])
    return {"id": effect.request["sid"]}


def _find(effect: Effect) -> Json | None:
    """It is released when it is not there any more."""
    try:
        numbers.get_number(effect.request["sid"])
    except ProviderError as error:
        if error.code == NOT_FOUND:
            return {"id": effect.request["sid"]}
        raise
    return None


NUMBER_RELEASE = Kind(
    name="number_release",
    provider="twilio",
    does="Release a phone number at Twilio",
    recorded_by="release_number",
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
