"""The fixture of tests about the voice assistant: Vapi's settings, and bodies as we send them."""

from typing import Any

from providers.vapi import assistants, files, phone_numbers, squads, tools
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.vapi.books import MAGIC_KEY

SECRET = "vapi-webhook-secret-0001"
VAPI = {"VAPI_API_KEY": MAGIC_KEY, "VAPI_WEBHOOK_SECRET": SECRET}
NUMBER = "+15005550006"  # of the account that Twilio's stand-in starts with
HOOK = "http://payphone/api/webhooks/vapi"
KNOWLEDGE = "clinic_knowledge"
Json = dict[str, Any]


def assistant_body(*tool_ids: str, **more: Any) -> Json:
    """Build an assistant as the code renders it: the whole model, and our server."""
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


def query_tool_body(*file_ids: str, tag: str = "tool-1") -> Json:
    base = {"provider": "google", "name": tag, "description": "Hours", "fileIds": list(file_ids)}
    return {"type": "query", "function": {"name": KNOWLEDGE}, "knowledgeBases": [base]}


def a_query_tool(*file_ids: str, tag: str = "tool-1") -> Json:
    return tools.create_tool(query_tool_body(*file_ids, tag=tag))


def imported(squad_id: str = "") -> Json:
    squad_id = squad_id or squads.create_squad([{"assistant": {}}], "squad-1")["id"]
    login = {"account_sid": MAGIC_ACCOUNT, "auth_token": MAGIC_TOKEN}
    return phone_numbers.import_number(NUMBER, tag="number-1", squad_id=squad_id, **login)


def deployed() -> dict[str, str]:
    """Create a whole voice assistant in order, and return the id of each part."""
    file = a_file()
    tool = a_query_tool(file["id"])
    assistant = assistants.create_assistant(assistant_body(tool["id"]), "assistant-1")
    squad = squads.create_squad([{"assistantId": assistant["id"]}], "squad-1")
    number = imported(squad["id"])
    parts = {"file": file, "tool": tool, "assistant": assistant, "squad": squad, "number": number}
    return {kind: str(part["id"]) for kind, part in parts.items()}
