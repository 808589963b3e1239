"""The three shapes in which calls of tools reach a server: the specification has one, and Vapi's
pages two others; and what a server answers.
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


def lines_of(answer: str) -> list[str]:
    """What each tool of an answer told the model; nothing for an answer that is none."""
    try:
        results = json.loads(answer)["results"]
        return [str(each.get("result") or each.get("error") or "") for each in results]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
