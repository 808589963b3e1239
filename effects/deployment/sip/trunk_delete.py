"""A trunk is taken away at Twilio, with the addresses it sends calls on to."""

from effects.deployment.twilio_objects import removal
from providers.twilio import trunks

TRUNK_DELETE = removal(
    "trunk_delete",
    "Take a SIP trunk away at Twilio",
    delete=trunks.delete_trunk,
    read=trunks.get_trunk,
)
