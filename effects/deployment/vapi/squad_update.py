"""A squad at Vapi is given other members, or other versions of them."""

from effects.deployment.vapi.vapi_objects import change
from providers.vapi import squads

SQUAD_UPDATE = change(
    "squad_update",
    "Change a squad at Vapi",
    update=lambda effect: squads.update_squad(
        effect.request["id"], effect.request["body"]["members"], effect.request["tag"]
    ),
    read=squads.get_squad,
)
