"""Squads at Vapi: assistants that hand a call over to each other, each pinned to a version."""

from datetime import datetime

from providers.vapi import client
from providers.vapi.client import Json, object_path
from providers.vapi.lists import carries, listed, name

KIND = "squad"


def create_squad(members: list[Json], tag: str) -> Json:
    """Create a squad; its first member takes the call. The tag becomes its name."""
    return client.post(f"/{KIND}", {"name": name(tag), "members": members})


def get_squad(squad_id: str) -> Json:
    """Fetch a squad."""
    return client.checked_object(client.get(object_path(KIND, squad_id)))


def update_squad(squad_id: str, members: list[Json], tag: str) -> Json:
    """Replace all members of a squad."""
    return client.patch(object_path(KIND, squad_id), {"name": name(tag), "members": members})


def find_squad(tag: str, since: datetime | None = None) -> Json | None:
    """Find the squad that carries our tag, among those created since a time."""
    return next((row for row in list_squads(since) if carries(row, tag)), None)


def list_squads(since: datetime | None = None) -> list[Json]:
    """List every squad, newest first."""
    return listed(f"/{KIND}", since)


def delete_squad(squad_id: str) -> None:
    """Delete a squad; see `client.delete` for one that a number still uses."""
    client.delete(object_path(KIND, squad_id))
