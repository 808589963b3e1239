"""An assistant at Vapi is changed as a whole, to what is rendered now: a new version."""

from effects.deployment.vapi.vapi_objects import change
from providers.vapi import assistants

ASSISTANT_UPDATE = change(
    "assistant_update",
    "Change an assistant at Vapi",
    update=lambda effect: assistants.update_assistant(
        effect.request["id"], effect.request["body"], effect.request["tag"]
    ),
    read=assistants.get_assistant,
)
