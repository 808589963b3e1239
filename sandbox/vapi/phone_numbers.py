"""Numbers: imported from Twilio, where the import changes their URLs, or a clinic's own by a SIP
trunk. Calls are answered once a number is active.
"""

import re
from typing import Any

from sandbox.vapi import assistants, credentials, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, invalid
from sandbox.vapi.twilio_link import TwilioLink

ACTIVATES = "vapi number activates"
VOICE_URL = "https://api.vapi.ai/twilio/inbound_call"
SMS_URL = "https://api.vapi.ai/twilio/sms"
BYO = "byo-phone-number"
SIP = re.compile(r"sip:(?P<number>[^@]+)@(?P<trunk>[0-9a-f-]+)\.sip\.vapi\.ai")
E164 = re.compile(r"\+[1-9]\d{6,14}")


def create(books: Books, line: TwilioLink, body: Any) -> Json:
    """``POST /phone-number``."""
    if isinstance(body, dict) and body.get("provider") == BYO:
        return _bring(books, body)
    shapes.check("CreateTwilioPhoneNumberDTO", body)
    _check_answer(books, body)
    sid, number = body["twilioAccountSid"], body["number"]
    if not E164.fullmatch(number):
        raise invalid("number must be in the E.164 format")
    for other in books.each("phone-number"):
        if other["number"] == number:
            raise invalid(f"Existing Phone Number {other['id']} has the same number {number}")
    if not line.owns(sid, body.get("twilioAuthToken") or "", number):
        raise invalid(f"Number {number} was not found in Twilio account {sid}")
    made = books.keep("phone-number", {"smsEnabled": True, **body, "status": "activating"})
    line.set_urls(number, VOICE_URL, SMS_URL if made["smsEnabled"] else None)
    books.shared.timers.at(
        books.shared.now() + books.habits.active_after, ACTIVATES, books.org, made["id"]
    )
    return made


def update(books: Books, line: TwilioLink, id: str, body: Any) -> Json:
    """``PATCH /phone-number/{id}``: `smsEnabled` defaults to true, as at an import."""
    found = books.find("phone-number", id)
    if found["provider"] == BYO:
        shapes.check("UpdateByoPhoneNumberDTO", body)
        _check_brought(books, found | body)
        return books.change("phone-number", id, body)
    shapes.check("UpdateTwilioPhoneNumberDTO", body)
    _check_answer(books, found | body)
    changed = books.change("phone-number", id, {"smsEnabled": True, **body})
    line.set_urls(changed["number"], VOICE_URL, SMS_URL if changed["smsEnabled"] else None)
    return changed


def _bring(books: Books, body: Json) -> Json:
    """Create a clinic's own number on a known trunk."""
    shapes.check("CreateByoPhoneNumberDTO", body)
    _check_brought(books, body)
    made = books.keep("phone-number", {**body, "status": "activating"})
    books.shared.timers.at(
        books.shared.now() + books.habits.active_after, ACTIVATES, books.org, made["id"]
    )
    return made


def _check_brought(books: Books, body: Json) -> None:
    _check_answer(books, body)
    if body["credentialId"] not in books.tables["credential"]:
        raise invalid(f"credential {body['credentialId']} not found")
    if body.get("numberE164CheckEnabled", True) and not E164.fullmatch(body.get("number", "")):
        raise invalid("number must be in the E.164 format")


def answers_sip(books: Books, address: str, caller_ip: str) -> bool:
    """Whether a SIP call is answered: its trunk accepts it, and its number is active."""
    called = SIP.fullmatch(address)
    if called is None or not credentials.takes_call(books, called["trunk"], caller_ip):
        return False
    return any(
        row.get("credentialId") == called["trunk"]
        and row.get("number") == called["number"]
        and row["status"] == "active"
        for row in books.each("phone-number")
    )


def activate(books: Books, id: str) -> None:
    """Make a number active, so that calls are answered."""
    if id in books.tables["phone-number"]:
        books.change("phone-number", id, {"status": "active"})


def answering(books: Books, number: str) -> Json | None:
    """Return the assistant, as published or pinned, that answers calls to a number; None unless it
    is active.
    """
    for row in books.each("phone-number"):
        if row["number"] != number or row["status"] != "active":
            continue
        if row.get("assistantId"):
            return assistants.published(books, row["assistantId"])
        squad = books.tables["squad"].get(row.get("squadId", ""))
        return _first_of(books, squad) if squad else None
    return None


def _first_of(books: Books, squad: Json) -> Json | None:
    member: Json = squad["members"][0]
    inline: Json | None = member.get("assistant")
    if inline is not None:
        return inline
    return assistants.published(books, member["assistantId"], member.get("assistantVersion"))


def _check_answer(books: Books, body: Json) -> None:
    """Refuse both a squad and an assistant, or one that does not exist."""
    named = [kind for kind in ("squad", "assistant") if body.get(f"{kind}Id")]
    if len(named) > 1:
        raise invalid("only one of assistantId, squadId may be set")
    for kind in named:
        named_id = body[f"{kind}Id"]
        if named_id not in books.tables[kind]:
            raise invalid(f"{kind} {named_id} not found")
