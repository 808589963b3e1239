"""A squad is made at Vapi: the receptionist, and the payments member it hands over to."""

from effects.deployment.vapi.vapi_objects import creation
from providers.vapi import lists, squads

SQUAD_CREATE = creation(
    "squad_create",
    "Make a squad at Vapi",
    create=lambda effect: squads.create_squad(
        effect.request["body"]["members"], effect.request["tag"]
    ),
    find=squads.find_squad,
    read=squads.get_squad,
    carries=lists.carries,
    undone_by="squad_delete",
)
