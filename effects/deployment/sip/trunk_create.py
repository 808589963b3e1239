"""A clinic's trunk is made at Twilio, at the domain that the clinic was told when it chose SIP."""

from effects.deployment.twilio_objects import creation
from providers.twilio import trunks

TRUNK_CREATE = creation(
    "trunk_create",
    "Make a SIP trunk at Twilio",
    create=lambda effect: trunks.create_trunk(effect.request["tag"], effect.request["domain"]),
    find=lambda effect: trunks.find_trunk(effect.request["tag"]),
    read=trunks.get_trunk,
    undone_by="trunk_delete",
)
