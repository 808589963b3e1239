"""A query tool at Vapi is given other files."""

from effects.deployment.vapi.vapi_objects import change
from providers.vapi import tools

TOOL_UPDATE = change(
    "tool_update",
    "Change a query tool at Vapi",
    update=lambda effect: tools.update_tool(effect.request["id"], effect.request["body"]),
    read=tools.get_tool,
)
