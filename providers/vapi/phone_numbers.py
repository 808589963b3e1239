"""Numbers that Vapi answers: ours at Twilio, and clinics' own, whose calls come by SIP. An import
never takes a number's texts: their webhook is ours.

Vapi shows the Twilio token of an imported number; nothing here keeps it.
"""

from datetime import datetime

from providers.vapi import client
from providers.vapi.client import Json, place
from providers.vapi.lists import listed, name

KIND = "phone-number"
ACTIVE = "active"
# Vapi's default would rewrite the number's SMS address, and nobody would hear a STOP any more.
OURS = {"provider": "twilio", "smsEnabled": False}
BROUGHT = {"provider": "byo-phone-number"}
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
    """Let Vapi answer a number of ours; it does so only once it is ACTIVE, after minutes. The tag
    becomes its name.
    """
    body = OURS | {"number": number, "name": name(tag), "squadId": squad_id}
    return _kept(client.post(f"/{KIND}", body | _login(account_sid, auth_token)))


def bring_number(body: Json, tag: str) -> Json:
    """Let Vapi answer a number that stays with the clinic; the tag becomes its name. `body` has the
    number, the trunk that it comes by (`credentialId`), and who answers.
    """
    return _kept(client.post(f"/{KIND}", BROUGHT | body | {"name": name(tag)}))


def change_brought_number(number_id: str, body: Json) -> Json:
    """Change such a number: another number, trunk or squad."""
    return _kept(client.patch(place(KIND, number_id), BROUGHT | body))


def get_number(number_id: str) -> Json:
    """An imported number as it stands."""
    return _kept(client.an_object(client.get(place(KIND, number_id))))


def update_number(
    number_id: str,
    *,
    account_sid: str,
    auth_token: str,
    squad_id: str,
) -> Json:
    """Have another squad answer, and Vapi sign in to Twilio anew."""
    body = OURS | _login(account_sid, auth_token) | {"squadId": squad_id}
    return _kept(client.patch(place(KIND, number_id), body))


def find_number(tag: str, since: datetime | None = None) -> Json | None:
    """The imported number with our tag."""
    return next((row for row in list_numbers(since) if row.get("name") == tag), None)


def list_numbers(since: datetime | None = None) -> list[Json]:
    """Every imported number, newest first."""
    return [_kept(row) for row in listed(f"/{KIND}", since)]


def delete_number(number_id: str) -> None:
    """Take a number from Vapi; at Twilio it stays ours."""
    client.delete(place(KIND, number_id))


def _login(account_sid: str, auth_token: str) -> Json:
    return {"twilioAccountSid": account_sid, "twilioAuthToken": auth_token}


def _kept(number: Json) -> Json:
    return {key: number[key] for key in _KEPT if key in number}
