"""A phone number is given back to Twilio, for good: it cannot be had again."""

from effects.deployment.twilio_objects import removal
from providers.twilio import numbers

NUMBER_RELEASE = removal(
    "number_release",
    "Release a phone number at Twilio",
    delete=numbers.release_number,
    read=numbers.get_number,
    recorded_by="release_number",
)
