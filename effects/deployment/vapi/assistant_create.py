"""An assistant is made at Vapi: the receptionist, or the payments member."""

from effects.deployment.vapi.vapi_objects import creation
from providers.vapi import assistants, lists

ASSISTANT_CREATE = creation(
    "assistant_create",
    "Make an assistant at Vapi",
    create=lambda effect: assistants.create_assistant(
        effect.request["body"], effect.request["tag"]
    ),
    find=assistants.find_assistant,
    read=assistants.get_assistant,
    carries=lists.carries,
    undone_by="assistant_delete",
)
