"""A trunk is taken from Vapi, once no number comes by it."""

from effects.deployment.vapi.vapi_objects import removal
from providers.vapi import credentials

TRUNK_UNKNOWN = removal(
    "trunk_unknown",
    "Take a SIP trunk from Vapi",
    delete=credentials.delete_credential,
    read=credentials.get_credential,
)
