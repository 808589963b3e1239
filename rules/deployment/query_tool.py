"""The receptionist's tool to search the clinic's files; pure.

Vapi's models use a tool only if the system prompt names it, so its name is a constant that the
prompt uses.
"""

from rules.deployment.rendering import Clinic, Json, plain

FUNCTION = "search_clinic_information"


def render_query_tool(clinic: Clinic, tag: str) -> Json:
    """The whole body. A tool has neither name nor metadata, so its tag is the name of its knowledge
    base.
    """
    names = ", ".join(plain(file.name) for file in clinic.files)
    return {
        "type": "query",
        "function": {"name": FUNCTION},
        "knowledgeBases": [
            {
                "provider": "google",
                "name": tag,
                "description": f"What {clinic.name} tells its callers, from these files: {names}.",
                "fileIds": [file.vapi_id for file in clinic.files],
            }
        ],
    }
