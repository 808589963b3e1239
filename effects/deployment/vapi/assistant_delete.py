"""An assistant is taken away at Vapi, once no squad has it."""

from effects.deployment.vapi.vapi_objects import removal
from providers.vapi import assistants

ASSISTANT_DELETE = removal(
    "assistant_delete",
    "Take an assistant away at Vapi",
    delete=assistants.delete_assistant,
    read=assistants.get_assistant,
)
