"""The three shapes in which calls of tools reach a server: the specification has one, and Vapi's
pages two others.
"""

import json
from typing import Any

Json = dict[str, Any]


def tool_calls(id: str, name: str, arguments: Json, shape: str) -> Json:
    """One call of a tool, in the shape `spec`, `flat` or `parameters`."""
    if shape == "spec":
        asked: Json = {
            "id": id,
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        return {
            "toolCallList": [asked],
            "toolWithToolCallList": [{"type": "function", "name": name, "toolCall": asked}],
        }
    named = "arguments" if shape == "flat" else "parameters"
    return {"toolCallList": [{"id": id, "name": name, named: arguments}]}
