"""SIP trunks registered at Vapi: the gateways that may send us a clinic's calls.

Vapi documents how to create and update one (docs.vapi.ai/advanced/sip). Listing, fetching and
deleting at the same path is undocumented, but works as for its other objects.
"""

from datetime import datetime

from providers.vapi import client
from providers.vapi.client import Json, object_path
from providers.vapi.lists import carries, listed, name

KIND = "credential"


def create_credential(body: Json, tag: str) -> Json:
    """Register a trunk; the tag becomes its name."""
    return client.post(f"/{KIND}", body | {"name": name(tag)})


def get_credential(credential_id: str) -> Json:
    """Fetch a trunk."""
    return client.checked_object(client.get(object_path(KIND, credential_id)))


def update_credential(credential_id: str, body: Json, tag: str) -> Json:
    """Update a trunk; its gateways are replaced as a whole."""
    return client.patch(object_path(KIND, credential_id), body | {"name": name(tag)})


def find_credential(tag: str, since: datetime | None = None) -> Json | None:
    """Find the trunk that carries our tag, among those registered since a time."""
    return next((row for row in list_credentials(since) if carries(row, tag)), None)


def list_credentials(since: datetime | None = None) -> list[Json]:
    """List every credential, newest first, including other kinds."""
    return listed(f"/{KIND}", since)


def delete_credential(credential_id: str) -> None:
    """Delete a trunk, once no number uses it."""
    client.delete(object_path(KIND, credential_id))
