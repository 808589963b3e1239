"""Imported Twilio numbers: answered once active. An import writes into the number at Twilio."""

import re
from typing import Any

from sandbox.vapi import assistants, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.errors import Json, invalid
from sandbox.vapi.twilio_link import Line

ACTIVATES = "vapi number activates"
VOICE_URL = "https://api.vapi.ai/twilio/inbound_call"
SMS_URL = "https://api.vapi.ai/twilio/sms"
E164 = re.compile(r"\+[1-9]\d{6,14}")


def create(books: Books, line: Line, body: Any) -> Json:
    """``POST /phone-number``."""
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
    line.point(number, VOICE_URL, SMS_URL if made["smsEnabled"] else None)
    books.ground.agenda.at(
        books.ground.now() + books.habits.active_after, ACTIVATES, books.org, made["id"]
    )
    return made


def update(books: Books, line: Line, id: str, body: Any) -> Json:
    """``PATCH /phone-number/{id}``: what is left out of `smsEnabled` is on, as at an import."""
    found = books.find("phone-number", id)
    shapes.check("UpdateTwilioPhoneNumberDTO", body)
    _check_answer(books, found | body)
    changed = books.change("phone-number", id, {"smsEnabled": True, **body})
    line.point(changed["number"], VOICE_URL, SMS_URL if changed["smsEnabled"] else None)
    return changed


def activate(books: Books, id: str) -> None:
    """Let callers be answered."""
    if id in books.tables["phone-number"]:
        books.change("phone-number", id, {"status": "active"})


def answering(books: Books, number: str) -> Json | None:
    """The assistant, as published or pinned, that answers a call to a number; nobody before it is
    active.
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
    """At most one of squad and assistant answers, and it is there."""
    named = [kind for kind in ("squad", "assistant") if body.get(f"{kind}Id")]
    if len(named) > 1:
        raise invalid("only one of assistantId, squadId may be set")
    for kind in named:
        named_id = body[f"{kind}Id"]
        if named_id not in books.tables[kind]:
            raise invalid(f"{kind} {named_id} not found")
