"""Control of a live call: instruct its assistant or end it, at the URL that the call gives
(`monitor.controlUrl`). https://docs.vapi.ai/calls/call-features

Our assistants require the organization's public key there (`controlAuthenticationEnabled`); the
private key is never sent to a URL taken from an answer.
"""

from urllib.parse import urlsplit

from providers.errors import ProviderError
from providers.vapi import client
from providers.vapi.calls import KIND
from runtime.settings import get_settings

VAPIS = ".vapi.ai"


def tell_assistant(call_id: str, words: str) -> None:
    """Give the assistant an instruction, which it follows at once. Raises ProviderError, `refused`
    if the call is not in progress or cannot be controlled.
    """
    message = {"role": "system", "content": words}
    _send(call_id, {"type": "add-message", "message": message, "triggerResponseEnabled": True})


def end_call(call_id: str) -> None:
    """End the call at once. Raises ProviderError like `tell_assistant`."""
    _send(call_id, {"type": "end-call"})


def _send(call_id: str, body: client.Json) -> None:
    call = client.checked_object(client.get(client.object_path(KIND, call_id)))
    monitor = call.get("monitor")
    url = monitor.get("controlUrl") if isinstance(monitor, dict) else None
    if call.get("status") != "in-progress" or not isinstance(url, str) or not _is_vapi_url(url):
        why = f"the call is {call.get('status')}, or has no control URL at Vapi"
        raise ProviderError("vapi", "refused", why, "not_going_on")
    client.post_control(url, body, get_settings().vapi_public_key)


def _is_vapi_url(url: str) -> bool:
    try:
        parts, base = urlsplit(url), urlsplit(get_settings().vapi_api_base)
        own = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
        return own or (parts.scheme == "https" and (parts.hostname or "").endswith(VAPIS))
    except ValueError:
        return False
