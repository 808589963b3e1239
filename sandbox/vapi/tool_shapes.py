"""The three shapes in which tool calls reach a server, one from Vapi's specification and two from
its pages; and how to read the server's answer.
"""

import json
from typing import Any

Json = dict[str, Any]


def tool_calls(id: str, name: str, arguments: Json, shape: str) -> Json:
    """Build one tool call in the shape `spec`, `flat` or `parameters`."""
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


def lines_of(answer: str) -> list[str]:
    """Return each tool's result from a server's answer; nothing if the answer is malformed."""
    try:
        results = json.loads(answer)["results"]
        return [str(each.get("result") or each.get("error") or "") for each in results]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
