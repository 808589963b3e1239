"""A knowledge file is taken away at Vapi. Twice is harmless: what is not there is taken away."""

from effects.deployment.objects import removal
from providers.vapi import files

FILE_DELETE = removal(
    "file_delete",
    "Delete a knowledge file at Vapi",
    provider="vapi",
    field="file",
    gone="not_found",
    delete=files.delete_file,
    read=files.get_file,
    recorded_by="delete_knowledge_file",
)
