"""A squad at Vapi: the receptionist, and the payments member it hands over to."""

from effects.deployment.vapi.vapi_objects import change, creation, removal
from providers.vapi import lists, squads

SQUAD_CREATE = creation(
    "squad_create",
    "Create a squad at Vapi",
    create=lambda effect: squads.create_squad(
        effect.request["body"]["members"], effect.request["tag"]
    ),
    find=squads.find_squad,
    read=squads.get_squad,
    carries=lists.carries,
    undone_by="squad_delete",
)


# changes its members, or their versions
SQUAD_UPDATE = change(
    "squad_update",
    "Change a squad at Vapi",
    update=lambda effect: squads.update_squad(
        effect.request["id"], effect.request["body"]["members"], effect.request["tag"]
    ),
    read=squads.get_squad,
)


# only once it answers no number
SQUAD_DELETE = removal(
    "squad_delete",
    "Delete a squad at Vapi",
    delete=squads.delete_squad,
    read=squads.get_squad,
)
