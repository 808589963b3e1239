"""The receptionist's tool to find free times; pure.

Vapi's models use a tool only if the system prompt names it, so its name is a constant that the
prompt uses. It is served by the same endpoint as our other tools, behind the same secret.
"""

from rules.calling.tool_definitions import SECONDS, STATIC, TOOLS_PATH
from rules.deployment.rendering import Clinic, Json

FIND_FREE_TIMES = "findFreeTimes"
_DAY: Json = {"type": "string", "description": "A day as YYYY-MM-DD."}


def render_calendar_tool(clinic: Clinic) -> list[Json]:
    """The tool, if a calendar is connected. The Vapi client adds our secret when it sends
    the body.
    """
    if not clinic.has_calendar:
        return []
    function = {
        "name": FIND_FREE_TIMES,
        "description": "When the clinic is open and has time, in its own time zone: of the next"
        " seven days, or of the days given. It books nothing.",
        "parameters": {
            "type": "object",
            "properties": {"dayFrom": _DAY, "dayTo": _DAY},
            "required": [],
        },
    }
    return [
        {
            "type": "function",
            "async": False,
            "function": function,
            "parameters": STATIC,
            "server": {"url": f"{clinic.public_url}{TOOLS_PATH}", "timeoutSeconds": SECONDS},
        }
    ]


def appointment_instructions(clinic: Clinic) -> str:
    """The prompt's instructions for the tool."""
    if not clinic.has_calendar:
        return ""
    return f"""
Whoever asks when the clinic has time: call the tool {FIND_FREE_TIMES}, and offer at most three of
the times that it returns. A time is free only if it says so. It reserves nothing: say that somebody
from the clinic confirms the appointment."""
