"""What stories about the voice agent begin with: Vapi's settings, and bodies such as we send."""

from typing import Any

from providers.vapi import assistants, files, phone_numbers, squads, tools
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.vapi.books import MAGIC_KEY

SECRET = "vapi-webhook-secret-0001"
VAPI = {"VAPI_API_KEY": MAGIC_KEY, "VAPI_WEBHOOK_SECRET": SECRET}
NUMBER = "+15005550006"  # of the account that Twilio's stand-in opens with
HOOK = "http://payphone/api/webhooks/vapi"
TOOLS = "http://payphone/api/vapi/tools"
KNOWLEDGE = "clinic_knowledge"
Json = dict[str, Any]


def assistant_body(*tool_ids: str, **more: Any) -> Json:
    """An assistant as code renders it: the whole model, and our server."""
    prompt = f"You answer for Harbor Dental. Look into {KNOWLEDGE} for opening hours."
    model = {
        "provider": "openai",
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": prompt}],
        "toolIds": list(tool_ids),
    }
    return {"firstMessage": "Harbor Dental, hello!", "model": model, "server": {"url": HOOK}} | more


def a_file(tag: str = "file-1", content: bytes = b"Open 9 to 5.", name: str = "hours.txt") -> Json:
    return files.upload_file(name, content, "text/plain", {"attempt_id": tag})


def a_query_tool(*file_ids: str, tag: str = "tool-1") -> Json:
    return tools.create_tool(tools.query_tool(KNOWLEDGE, "Opening hours", list(file_ids), tag))


def a_function_tool(tag: str = "tool-2") -> Json:
    function = {
        "name": "find_invoice",
        "description": "Finds an invoice by its number",
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
    }
    return tools.create_tool(tools.function_tool(function, TOOLS, {"account_id": "acc_1"}, tag))


def imported(tag: str = "number-1", **answered_by: Any) -> Json:
    return phone_numbers.import_number(
        NUMBER, account_sid=MAGIC_ACCOUNT, auth_token=MAGIC_TOKEN, tag=tag, **answered_by
    )


def deployed() -> dict[str, str]:
    """A whole voice agent, made in order; the id of each of its parts."""
    file = a_file()
    tool = a_query_tool(file["id"])
    assistant = assistants.create_assistant(assistant_body(tool["id"]), "assistant-1")
    squad = squads.create_squad([squads.member(assistant)], "squad-1")
    number = imported(squad_id=squad["id"])
    parts = {"file": file, "tool": tool, "assistant": assistant, "squad": squad, "number": number}
    return {kind: str(part["id"]) for kind, part in parts.items()}
