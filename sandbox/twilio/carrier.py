"""The life of a message: queued, sent, then delivered or failed; and incoming texts."""

from sandbox.twilio import webhooks
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.ledger import TEXT, bill
from sandbox.twilio.numbers import FAILED, UNDELIVERED

MOVES = "twilio message moves"
NEXT = {"accepted": "queued", "queued": "sent", "sent": "delivered"}
TOO_LATE = 30036
STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
START = frozenset({"start", "yes", "unstop"})
HELP = frozenset({"help", "info"})


def set_out(books: Books, message: Json) -> None:
    """Schedule the first step of a new message."""
    _schedule(books, message)


def move(books: Books, sid: str) -> None:
    """Advance a message by one status, and report it."""
    message = books.messages.get(sid)
    if message is None or message["status"] not in NEXT:
        return
    code = _error_code(books, message)
    if code:
        status = "failed" if code in FAILED else "undelivered"
        message.update(status=status, error_code=code, error_message=f"Error {code}")
    else:
        message["status"] = NEXT[message["status"]]
    if message["status"] == "sent":
        message.update(date_sent=books.date(), price=f"-{TEXT}")
        bill(books, "text", message["to"], TEXT, message["account_sid"])
    message["date_updated"] = books.date()
    webhooks.post_status(books, message)
    _schedule(books, message)


def _schedule(books: Books, message: Json) -> None:
    """Schedule the next step, unless the message is delivered or has failed."""
    if message["status"] in NEXT:
        books.shared.timers.at(
            books.shared.now() + books.step, MOVES, message["account_sid"], message["sid"]
        )


def _error_code(books: Books, message: Json) -> int:
    """Return the error code that stops a message at this step, or 0."""
    private, to = books.private[message["sid"]], message["to"]
    if (
        message["status"] == "queued"
        and books.shared.now() - private["created"] > private["validity"]
    ):
        return TOO_LATE
    code = books.outcomes.get(to, UNDELIVERED.get(to, 0))
    due = "queued" if code in FAILED else "sent"
    return code if code and message["status"] == due else 0


def receive(books: Books, phone: str, to: str, body: str, is_lost: bool = False) -> Json:
    """Receive a text from a person: record an opt-out or opt-in for the sender, and post the
    webhook.

    If ``is_lost``, the webhook is lost, but the list of messages has the text.
    """
    sender = books.sender(number=to, service=to)
    if sender is None:
        raise invalid(21606, f"{to} is no number of this account")
    account = next(iter(books.tokens))
    known = {
        "from": phone,
        "to": sender.number,
        "body": body,
        "direction": "inbound",
        "status": "received",
        "date_sent": books.date(),
    }
    message = books.new_message(account, **known, messaging_service_sid=sender.service or None)
    word = " ".join(body.split()).casefold()
    kind = "STOP" if word in STOP else "START" if word in START else "HELP" if word in HELP else ""
    if kind == "STOP":
        books.opted_out.add((sender.key, phone))
    elif kind == "START":
        books.opted_out.discard((sender.key, phone))
    webhooks.post_inbound(books, message, sender, kind, is_lost)
    return message
