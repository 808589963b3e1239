"""Messages: sent, read, listed, redacted, cancelled, deleted."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sandbox.twilio import carrier, webhooks
from sandbox.twilio.account import Books, Sender
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.lists import page_of
from sandbox.twilio.numbers import REFUSED
from sandbox.twilio.parameters import Form

LONGEST_BODY = 1600
VALIDITY = range(1, 36_001)
DAY = len("2026-11-28")
UNSENT = ("accepted", "scheduled", "queued")


def create(books: Books, account: str, form: Form) -> Json:
    """``POST …/Messages.json``."""
    to = form.get("To", "")
    if not to:
        raise invalid(21604, "A 'To' phone number is required.")
    sender = _sender(books, form)
    _check_content(form)
    if to in REFUSED:
        raise invalid(*REFUSED[to])
    if not (to.startswith("+") and to[1:].isdigit() and 8 <= len(to) <= 16):  # noqa: PLR2004
        raise invalid(21211, f"The 'To' number {to} is not a valid phone number.")
    if (sender.key, to) in books.opted_out:
        raise invalid(21610, "Attempt to send to unsubscribed recipient")
    service = form.get("MessagingServiceSid")
    known = (
        {"from": None, "status": "accepted", "num_segments": "0"}
        if service
        else {"from": sender.number}
    )
    message = books.new_message(
        account, **known, to=to, body=form.get("Body", ""), messaging_service_sid=service
    )
    books.private[message["sid"]].update(
        callback=form.get("StatusCallback", ""), validity=int(form.get("ValidityPeriod", 36_000))
    )
    shown = dict(message)
    message["from"] = sender.number
    carrier.set_out(books, message)
    return shown


def _sender(books: Books, form: Form) -> Sender:
    """Return the sender that a message names, or refuse."""
    number, service = form.get("From", ""), form.get("MessagingServiceSid", "")
    if not number and not service:
        raise invalid(21603, "A 'From' phone number is required.")
    found = books.sender(number=number) if number else books.sender(service=service)
    if found is None and number:
        raise invalid(
            21606,
            f"The 'From' phone number {number} is not a valid, SMS-capable number of your account.",
        )
    if found is None:
        raise invalid(21701, f"The Messaging Service {service} does not exist.")
    return found


def _check_content(form: Form) -> None:
    """Refuse a message without content, one that is too long, or a bad validity period."""
    if not any(form.get(name) for name in ("Body", "MediaUrl", "ContentSid")):
        raise invalid(21602, "Message body is required.")
    if len(form.get("Body", "")) > LONGEST_BODY:
        raise invalid(21617, "The concatenated message body exceeds the 1600 character limit")
    if int(form.get("ValidityPeriod", 1)) not in VALIDITY:
        raise invalid(20001, "ValidityPeriod must be between 1 and 36000 seconds")


def retrieve(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET …/Messages/{sid}.json``."""
    return books.message(account, sid)


def update(books: Books, account: str, form: Form, sid: str) -> Json:
    """``POST …/Messages/{sid}.json``: ``Body=`` redacts a sent message, ``Status=canceled`` stops
    an unsent one.
    """
    message = books.message(account, sid)
    if form.get("Status") == "canceled":
        if message["status"] not in UNSENT:
            raise invalid(30409, f"A message that is {message['status']} cannot be canceled")
        message["status"] = "canceled"
        webhooks.post_status(books, message)
    if form.get("Body"):
        raise invalid(20001, "Body may only be emptied")
    if "Body" in form:
        if message["status"] in UNSENT:
            raise invalid(20009, "Cannot redact a message before it has been sent")
        message["body"] = ""
    message["date_updated"] = books.date()
    return message


def delete(books: Books, account: str, form: Form, sid: str) -> None:
    """``DELETE …/Messages/{sid}.json``."""
    books.message(account, sid)
    del books.messages[sid]


def index(books: Books, account: str, form: Form) -> Json:
    """``GET …/Messages.json``, newest first, by ``To``, ``From`` and ``DateSent`` (``<`` and ``>``
    include the bound).
    """
    found = [
        message
        for message in reversed(books.messages.values())
        if message["account_sid"] == account and _fits(books, message, form)
    ]
    return page_of(found, "messages", f"/2010-04-01/Accounts/{account}/Messages.json", form)


def _fits(books: Books, message: Json, form: Form) -> bool:
    """Whether a message matches a list's filters; an unsent one has no date and matches no date."""
    if (
        form.get("To", message["to"]) != message["to"]
        or form.get("From", message["from"]) != message["from"]
    ):
        return False
    longest = DAY if books.lists_by_day else None
    bounds = {
        name: datetime.fromisoformat(form[name].replace("Z", "+00:00")[:longest])
        for name in ("DateSent", "DateSent<", "DateSent>")
        if form.get(name)
    }
    if not bounds:
        return True
    if message["date_sent"] is None:
        return False
    sent = parsedate_to_datetime(message["date_sent"])
    return all(
        _in_bound(sent, name[8:], bound if bound.tzinfo else bound.replace(tzinfo=UTC))
        for name, bound in bounds.items()
    )


def _in_bound(sent: datetime, sign: str, bound: datetime) -> bool:
    """Whether a date is on, before or after a bound."""
    if sign == "<":
        return sent <= bound
    return sent >= bound if sign == ">" else sent.date() == bound.date()
