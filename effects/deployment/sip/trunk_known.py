"""Vapi is told of a trunk: from which addresses its calls come."""

from effects.deployment.vapi.vapi_objects import creation
from providers.vapi import credentials, lists

TRUNK_KNOWN = creation(
    "trunk_known",
    "Make a SIP trunk known to Vapi",
    create=lambda effect: credentials.create_credential(
        effect.request["body"], effect.request["tag"]
    ),
    find=credentials.find_credential,
    read=credentials.get_credential,
    carries=lists.carries,
    undone_by="trunk_unknown",
)
