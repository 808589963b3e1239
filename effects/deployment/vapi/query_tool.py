"""A query tool at Vapi, with which a receptionist searches its clinic's files."""

from effects.deployment.vapi.vapi_objects import change, creation, removal
from effects.kind import Json
from providers.vapi import tools


def _carries(tool: Json, tag: str) -> bool:
    return any(base.get("name") == tag for base in tool.get("knowledgeBases") or [])


TOOL_CREATE = creation(
    "tool_create",
    "Create a query tool at Vapi",
    create=lambda effect: tools.create_tool(effect.request["body"]),
    find=tools.find_tool,
    read=tools.get_tool,
    carries=_carries,
    undone_by="tool_delete",
)


TOOL_UPDATE = change(
    "tool_update",
    "Change a query tool at Vapi",
    update=lambda effect: tools.update_tool(effect.request["id"], effect.request["body"]),
    read=tools.get_tool,
)


# only once no assistant uses it
TOOL_DELETE = removal(
    "tool_delete",
    "Delete a query tool at Vapi",
    delete=tools.delete_tool,
    read=tools.get_tool,
)


# the same, for a tool that has no documents left
TOOL_DROP = removal(
    "tool_drop",
    "Delete a query tool without documents at Vapi",
    delete=tools.delete_tool,
    read=tools.get_tool,
    recorded_by="tidy_receptionist",
)
