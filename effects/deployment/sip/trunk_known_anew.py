"""Vapi is told anew from which addresses a trunk's calls come: all of them, each time."""

from effects.deployment.vapi.vapi_objects import change
from providers.vapi import credentials

TRUNK_KNOWN_ANEW = change(
    "trunk_known_anew",
    "Tell Vapi anew of a SIP trunk",
    update=lambda effect: credentials.update_credential(
        effect.request["id"], effect.request["body"], effect.request["tag"]
    ),
    read=credentials.get_credential,
)
