"""A query tool is taken away at Vapi, once no assistant has it."""

from effects.deployment.vapi.vapi_objects import removal
from providers.vapi import tools

TOOL_DELETE = removal(
    "tool_delete",
    "Take a query tool away at Vapi",
    delete=tools.delete_tool,
    read=tools.get_tool,
)
