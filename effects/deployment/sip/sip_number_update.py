"""A clinic's SIP number at Vapi is answered by another squad, or is another number."""

from effects.deployment.vapi.number_import import KEPT, shown
from effects.deployment.vapi.vapi_objects import change
from providers.vapi import phone_numbers

SIP_NUMBER_UPDATE = change(
    "sip_number_update",
    "Change a clinic's SIP number at Vapi",
    update=lambda effect: phone_numbers.change_brought_number(
        effect.request["id"], effect.request["body"]
    ),
    read=phone_numbers.get_number,
    shown=shown,
    keep=KEPT,
)
