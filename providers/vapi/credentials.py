"""SIP trunks as Vapi knows them: which addresses may send us a clinic's calls.

Vapi's pages show how one is made and changed (docs.vapi.ai/advanced/sip); that it is listed, read
and taken away at the same address is what its other objects do, and is not published.
"""

from datetime import datetime

from providers.vapi import client
from providers.vapi.client import Json, place
from providers.vapi.lists import carries, listed, name

KIND = "credential"


def create_credential(body: Json, tag: str) -> Json:
    """Make a trunk known; the tag becomes its name."""
    return client.post(f"/{KIND}", body | {"name": name(tag)})


def get_credential(credential_id: str) -> Json:
    """A trunk as it stands."""
    return client.an_object(client.get(place(KIND, credential_id)))


def update_credential(credential_id: str, body: Json, tag: str) -> Json:
    """Change a trunk; its gateways are replaced as a whole."""
    return client.patch(place(KIND, credential_id), body | {"name": name(tag)})


def find_credential(tag: str, since: datetime | None = None) -> Json | None:
    """The trunk that carries our tag, among those made known since a time."""
    return next((row for row in list_credentials(since) if carries(row, tag)), None)


def list_credentials(since: datetime | None = None) -> list[Json]:
    """Every credential, newest first; those of other kinds too."""
    return listed(f"/{KIND}", since)


def delete_credential(credential_id: str) -> None:
    """Take a trunk away, once no number uses it."""
    client.delete(place(KIND, credential_id))
