"""Importing one of our numbers into Vapi, whose squad then answers it.

An import is confirmed only once the number's texts are seen to reach us still. If its answer was
lost, both the number and its texts are checked again.
"""

from dataclasses import replace

from effects.deployment.vapi.number_texts import restore_text_webhook
from effects.deployment.vapi.vapi_objects import change, creation, removal
from effects.kind import Json
from models.effects.effect import Effect
from providers.errors import ProviderError, ignoring
from providers.twilio.refusals import NOT_FOUND
from providers.vapi import phone_numbers
from runtime.errors import Misconfigured
from runtime.settings import get_settings

KEPT = ("id", "number", "status")


def shown(number: Json) -> Json:
    """The fields of a number at Vapi that the ledger keeps."""
    return {name: number.get(name) for name in KEPT}


def twilio_login() -> tuple[str, str]:
    """The account SID and token with which Vapi dials out from the number; stored in no row of
    ours.
    """
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
    restore_text_webhook_of(effect)
    return made


def restore_text_webhook_of(effect: Effect) -> None:
    """Check the number's texts. Whatever Twilio answers, Vapi has done what was requested, so a
    failure is recorded as unknown.
    """
    try:
        restore_text_webhook(effect.request["twilio_sid"])
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
        with ignoring(NOT_FOUND):  # a number that is not at Twilio any more receives no texts
            restore_text_webhook(effect.request["twilio_sid"])
    return found


NUMBER_IMPORT = replace(_IMPORT, find=_find_imported)


# Has another squad answer the number, or gives Vapi a newer Twilio login. Texts are checked as
# after an import.
def _update(effect: Effect) -> Json:
    account_sid, auth_token = twilio_login()
    changed = phone_numbers.update_number(
        effect.request["id"],
        account_sid=account_sid,
        auth_token=auth_token,
        squad_id=effect.request["body"]["squadId"],
    )
    restore_text_webhook_of(effect)
    return changed


NUMBER_IMPORT_UPDATE = change(
    "number_import_update",
    "Have another squad answer a phone number at Vapi",
    update=_update,
    read=phone_numbers.get_number,
    shown=shown,
    keep=KEPT,
)


# Removes the number from Vapi; we still own it at Twilio.
NUMBER_IMPORT_DELETE = removal(
    "number_import_delete",
    "Remove a phone number from Vapi",
    delete=phone_numbers.delete_number,
    read=phone_numbers.get_number,
)
