"""The credential that tells Vapi from which addresses a clinic's SIP trunk sends calls."""

from effects.deployment.vapi.vapi_objects import change, creation, removal
from providers.vapi import credentials, lists

TRUNK_KNOWN = creation(
    "trunk_known",
    "Register a SIP trunk at Vapi",
    create=lambda effect: credentials.create_credential(
        effect.request["body"], effect.request["tag"]
    ),
    find=credentials.find_credential,
    read=credentials.get_credential,
    carries=lists.carries,
    undone_by="trunk_unknown",
)


# always sends the complete list of addresses
TRUNK_KNOWN_ANEW = change(
    "trunk_known_anew",
    "Update a SIP trunk at Vapi",
    update=lambda effect: credentials.update_credential(
        effect.request["id"], effect.request["body"], effect.request["tag"]
    ),
    read=credentials.get_credential,
)


# only once no number uses it
TRUNK_UNKNOWN = removal(
    "trunk_unknown",
    "Remove a SIP trunk from Vapi",
    delete=credentials.delete_credential,
    read=credentials.get_credential,
)
