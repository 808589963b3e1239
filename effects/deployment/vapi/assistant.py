"""An assistant at Vapi: the receptionist, or the payments member."""

from effects.deployment.vapi.vapi_objects import change, creation, removal
from providers.vapi import assistants, lists

ASSISTANT_CREATE = creation(
    "assistant_create",
    "Create an assistant at Vapi",
    create=lambda effect: assistants.create_assistant(
        effect.request["body"], effect.request["tag"]
    ),
    find=assistants.find_assistant,
    read=assistants.get_assistant,
    carries=lists.carries,
    undone_by="assistant_delete",
)


# replaces the whole assistant with the current rendering, as a new version
ASSISTANT_UPDATE = change(
    "assistant_update",
    "Change an assistant at Vapi",
    update=lambda effect: assistants.update_assistant(
        effect.request["id"], effect.request["body"], effect.request["tag"]
    ),
    read=assistants.get_assistant,
)


# only once no squad contains it
ASSISTANT_DELETE = removal(
    "assistant_delete",
    "Delete an assistant at Vapi",
    delete=assistants.delete_assistant,
    read=assistants.get_assistant,
)
