"""A number at Vapi is answered by another squad, or given a newer login at Twilio; its texts are
looked at, as after an import.
"""

from effects.deployment.vapi.number_import import KEPT, keep_texts_of, shown, twilio_login
from effects.deployment.vapi.vapi_objects import change
from effects.kind import Json
from models.effects.effect import Effect
from providers.vapi import phone_numbers


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
