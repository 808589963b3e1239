"""A number is taken from Vapi; at Twilio it stays ours."""

from effects.deployment.vapi.vapi_objects import removal
from providers.vapi import phone_numbers

NUMBER_IMPORT_DELETE = removal(
    "number_import_delete",
    "Take a phone number from Vapi",
    delete=phone_numbers.delete_number,
    read=phone_numbers.get_number,
)
