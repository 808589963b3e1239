"""A number that stays with the clinic is made known to Vapi, whose squad answers its calls."""

from effects.deployment.vapi.number_import import KEPT, shown
from effects.deployment.vapi.vapi_objects import creation
from providers.vapi import phone_numbers

SIP_NUMBER = creation(
    "sip_number",
    "Make a clinic's SIP number known to Vapi",
    create=lambda effect: phone_numbers.bring_number(effect.request["body"], effect.request["tag"]),
    find=phone_numbers.find_number,
    read=phone_numbers.get_number,
    carries=lambda made, tag: made.get("name") == tag,
    undone_by="number_import_delete",
    shown=shown,
    keep=KEPT,
)
