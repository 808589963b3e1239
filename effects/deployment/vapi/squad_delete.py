"""A squad is taken away at Vapi, once no number is answered by it."""

from effects.deployment.vapi.vapi_objects import removal
from providers.vapi import squads

SQUAD_DELETE = removal(
    "squad_delete",
    "Take a squad away at Vapi",
    delete=squads.delete_squad,
    read=squads.get_squad,
)
