"""Numbers that Vapi answers: ours at Twilio, and clinics' own, whose calls arrive by SIP. An import
never reroutes a number's texts: they keep going to our webhook.

Vapi returns the Twilio token of an imported number; nothing here keeps it.
"""

from datetime import datetime

from providers.vapi import client
from providers.vapi.client import Json, object_path
from providers.vapi.lists import listed, name

KIND = "phone-number"
ACTIVE = "active"
# Vapi's default would rewrite the number's SMS webhook, and we would no longer receive a STOP.
OURS = {"provider": "twilio", "smsEnabled": False}
BYO = {"provider": "byo-phone-number"}
_KEPT = (
    "id",
    "provider",
    "number",
    "status",
    "smsEnabled",
    "numberE164CheckEnabled",
    "credentialId",
    "name",
    "squadId",
    "assistantId",
    "workflowId",
    "server",
    "twilioAccountSid",
    "createdAt",
)


def import_number(
    number: str,
    *,
    account_sid: str,
    auth_token: str,
    tag: str,
    squad_id: str,
) -> Json:
    """Import a number of ours, so that Vapi answers it once it is ACTIVE, which takes minutes. The
    tag becomes its name.
    """
    body = OURS | {"number": number, "name": name(tag), "squadId": squad_id}
    return _kept(client.post(f"/{KIND}", body | _login(account_sid, auth_token)))


def create_byo_number(body: Json, tag: str) -> Json:
    """Have Vapi answer a number that stays with the clinic; the tag becomes its name. `body` holds
    the number, the trunk it arrives on (`credentialId`), and the squad or assistant that answers.
    """
    return _kept(client.post(f"/{KIND}", BYO | body | {"name": name(tag)}))


def update_byo_number(number_id: str, body: Json) -> Json:
    """Update a clinic's own number: its E.164, trunk or squad."""
    return _kept(client.patch(object_path(KIND, number_id), BYO | body))


def get_number(number_id: str) -> Json:
    """Fetch an imported number."""
    return _kept(client.checked_object(client.get(object_path(KIND, number_id))))


def update_number(
    number_id: str,
    *,
    account_sid: str,
    auth_token: str,
    squad_id: str,
) -> Json:
    """Assign another squad to a number, and renew Vapi's Twilio credentials."""
    body = OURS | _login(account_sid, auth_token) | {"squadId": squad_id}
    return _kept(client.patch(object_path(KIND, number_id), body))


def find_number(tag: str, since: datetime | None = None) -> Json | None:
    """Find the imported number with our tag."""
    return next((row for row in list_numbers(since) if row.get("name") == tag), None)


def list_numbers(since: datetime | None = None) -> list[Json]:
    """List every imported number, newest first."""
    return [_kept(row) for row in listed(f"/{KIND}", since)]


def delete_number(number_id: str) -> None:
    """Delete a number from Vapi; it stays ours at Twilio."""
    client.delete(object_path(KIND, number_id))


def _login(account_sid: str, auth_token: str) -> Json:
    return {"twilioAccountSid": account_sid, "twilioAuthToken": auth_token}


def _kept(number: Json) -> Json:
    return {key: number[key] for key in _KEPT if key in number}
