"""A number that stays with the clinic's carrier, made known to Vapi so that a squad answers it."""

from effects.deployment.vapi.number_import import KEPT, shown
from effects.deployment.vapi.vapi_objects import change, creation
from providers.vapi import phone_numbers

SIP_NUMBER = creation(
    "sip_number",
    "Register a clinic's SIP number at Vapi",
    create=lambda effect: phone_numbers.create_byo_number(
        effect.request["body"], effect.request["tag"]
    ),
    find=phone_numbers.find_number,
    read=phone_numbers.get_number,
    carries=lambda made, tag: made.get("name") == tag,
    undone_by="number_import_delete",
    shown=shown,
    keep=KEPT,
)


# to have another squad answer it, or to change the number itself
SIP_NUMBER_UPDATE = change(
    "sip_number_update",
    "Change a clinic's SIP number at Vapi",
    update=lambda effect: phone_numbers.update_byo_number(
        effect.request["id"], effect.request["body"]
    ),
    read=phone_numbers.get_number,
    shown=shown,
    keep=KEPT,
)
