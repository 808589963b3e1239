"""A query tool that no document is left for is taken away at Vapi, once no assistant has it."""

from effects.deployment.vapi.vapi_objects import removal
from providers.vapi import tools

TOOL_DROP = removal(
    "tool_drop",
    "Take a query tool without documents away at Vapi",
    delete=tools.delete_tool,
    read=tools.get_tool,
    recorded_by="tidy_receptionist",
)
