"""A number of ours is imported into Vapi, whose squad answers it from now on.

It is over once the number's texts have been seen to come to us still: an import whose answer was
lost is looked at again, number and texts.
"""

from dataclasses import replace

from effects.deployment.vapi.number_texts import keep_texts
from effects.deployment.vapi.vapi_objects import change, creation, removal
from effects.kind import Json
from models.effects.effect import Effect
from providers.errors import ProviderError, passing_over
from providers.twilio.refusals import NOT_FOUND
from providers.vapi import phone_numbers
from runtime.errors import Misconfigured
from runtime.settings import get_settings

KEPT = ("id", "number", "status")


def shown(number: Json) -> Json:
    """What is recorded of a number at Vapi."""
    return {name: number.get(name) for name in KEPT}


def twilio_login() -> tuple[str, str]:
    """The account and token by which Vapi calls out from the number; kept in no row of ours."""
    settings = get_settings()
    return settings.twilio_account_sid, settings.twilio_auth_tokens[0]


def _import(effect: Effect) -> Json:
    account_sid, auth_token = twilio_login()
    made = phone_numbers.import_number(
        effect.request["body"]["number"],
        account_sid=account_sid,
        auth_token=auth_token,
        tag=effect.request["tag"],
        squad_id=effect.request["body"]["squadId"],
    )
    keep_texts_of(effect)
    return made


def keep_texts_of(effect: Effect) -> None:
    """Look at the number's texts. What Vapi was asked for has happened, whatever Twilio says."""
    try:
        keep_texts(effect.request["twilio_sid"])
    except (ProviderError, Misconfigured) as error:
        raise ProviderError("vapi", "unknown", f"done, but {error}", "texts_unread") from error


_IMPORT = creation(
    "number_import",
    "Import a phone number into Vapi",
    create=_import,
    find=phone_numbers.find_number,
    read=phone_numbers.get_number,
    carries=lambda made, tag: made.get("name") == tag,
    undone_by="number_import_delete",
    shown=shown,
    keep=KEPT,
)


def _find_imported(effect: Effect) -> Json | None:
    found = _IMPORT.find(effect)
    if found is not None:
        with passing_over(NOT_FOUND):  # it brings texts to nobody any more
            keep_texts(effect.request["twilio_sid"])
    return found


NUMBER_IMPORT = replace(_IMPORT, find=_find_imported)


# A number at Vapi is answered by another squad, or given a newer login at Twilio; its texts are
# looked at, as after an import.
def _update(effect: Effect) -> Json:
    account_sid, auth_token = twilio_login()
    changed = phone_numbers.update_number(
        effect.request["id"],
        account_sid=account_sid,
        auth_token=auth_token,
        squad_id=effect.request["body"]["squadId"],
    )
    keep_texts_of(effect)
    return changed


NUMBER_IMPORT_UPDATE = change(
    "number_import_update",
    "Have another squad answer a phone number at Vapi",
    update=_update,
    read=phone_numbers.get_number,
    shown=shown,
    keep=KEPT,
)


# A number is taken from Vapi; at Twilio it stays ours.
NUMBER_IMPORT_DELETE = removal(
    "number_import_delete",
    "Take a phone number from Vapi",
    delete=phone_numbers.delete_number,
    read=phone_numbers.get_number,
)
