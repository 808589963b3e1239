"""Calls placed through the API: created, read, listed."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sandbox.twilio import phones
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.lists import page_of
from sandbox.twilio.parameters import Form

BOUNDS = ("StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<", "EndTime>")


def create(books: Books, account: str, form: Form) -> Json:
    """``POST …/Calls.json``."""
    to, caller = form.get("To", ""), form.get("From", "")
    if not to:
        raise invalid(21201, "No 'To' number is specified")
    if not caller:
        raise invalid(21213, "No 'From' number is specified")
    if not any(form.get(name) for name in ("Url", "Twiml", "ApplicationSid")):
        raise invalid(21205, "One of Url, Twiml and ApplicationSid is required")
    is_sip = to.startswith("sip:")
    if not is_sip and not re.fullmatch(r"\+[1-9]\d{7,14}", to):
        raise invalid(21211, f"The 'To' number {to} is not a valid phone number.")
    if not is_sip and books.sender(number=caller) is None:
        raise invalid(21210, f"{caller} is not a number of this account, or not verified")
    if not is_sip and books.kinds.get(account) == "Trial" and books.incoming_by_number(to) is None:
        raise invalid(21219, f"{to} is unverified. Trial accounts may only call verified numbers.")
    call = phones.new_call(
        books, account, to=to, caller=caller, direction="outbound-api", status="queued"
    )
    books.private[call["sid"]] = {"callback": form.get("StatusCallback", "")}
    shown = dict(call)
    phones.later(books, call)
    return shown


def retrieve(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET …/Calls/{Sid}.json``."""
    return books.owned(books.calls, account, "Calls", sid)


def index(books: Books, account: str, form: Form) -> Json:
    """``GET …/Calls.json``, newest first, by numbers, status and days; bounds are inclusive."""
    rows = [
        dict(row)
        for row in reversed(books.calls.values())
        if row["account_sid"] == account and _fits(row, form)
    ]
    return page_of(rows, "calls", f"/2010-04-01/Accounts/{account}/Calls.json", form)


def _fits(call: Json, form: Form) -> bool:
    """Whether a call matches a list's filters; one that has not started or ended matches no such
    day.
    """
    named = (("To", "to"), ("From", "from"), ("Status", "status"))
    if any(form.get(name, call[field]) != call[field] for name, field in named):
        return False
    if "ParentCallSid" in form and call["parent_call_sid"] != form["ParentCallSid"]:
        return False
    return all(_in_bound(call, name, form[name]) for name in BOUNDS if form.get(name))


def _in_bound(call: Json, name: str, value: str) -> bool:
    """Whether a call's start or end is on, before or after a day."""
    written = call["start_time" if name.startswith("Start") else "end_time"]
    if written is None:
        return False
    at = parsedate_to_datetime(written).date()
    day = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC).date()
    if name.endswith("<"):
        return at <= day
    return at >= day if name.endswith(">") else at == day
