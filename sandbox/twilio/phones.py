"""The life of a call: which telephone it reaches, through which forwarding, and the webhooks.

Outside telephones answer, unless the control API says that they are busy, do not answer, do not
exist, or forward to another number.
"""

from dataclasses import dataclass

from sandbox.twilio import webhooks
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.ledger import CALL_IN, CALL_OUT, bill

MOVES = "twilio call moves"
NEXT = {"queued": "ringing", "ringing": "in-progress", "in-progress": "completed"}
UNREACHED = ("busy", "no-answer", "failed")
MOST_FORWARDINGS = 5  # a call that is forwarded in a circle ends as busy
SIGNALS_FROM = "54.172.60.1"  # one of the addresses from which Twilio sends SIP calls
SECONDS = "9"  # how long each call lasts


@dataclass
class Phone:
    """An outside telephone: how it answers, or where it forwards to."""

    answer: str = "completed"
    forwards_to: str = ""


def set_phone(books: Books, number: str, phone: Phone) -> None:
    """Set how a telephone behaves from now on; raises ``ValueError`` for an unknown ``answer``."""
    if phone.answer not in {"completed", *UNREACHED}:
        raise ValueError(f"answer must be completed or one of {', '.join(UNREACHED)}")
    books.phones[number] = phone


def new_call(
    books: Books,
    account: str,
    *,
    to: str,
    caller: str,
    direction: str,
    status: str,
    **known: str | None,
) -> Json:
    """Create and store a call with all the fields that Twilio shows."""
    sid, date = books.sid("CA"), books.date()
    uri = f"/2010-04-01/Accounts/{account}/Calls/{sid}"
    empty = ("answered_by", "caller_name", "duration", "end_time", "forwarded_from", "group_sid")
    more = ("parent_call_sid", "phone_number_sid", "price", "start_time", "trunk_sid")
    made: Json = {
        **dict.fromkeys((*empty, *more)),
        "account_sid": account,
        "api_version": "2010-04-01",
        "date_created": date,
        "date_updated": date,
        "direction": direction,
        "from": caller,
        "from_formatted": caller,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": sid,
        "status": status,
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
        "to": to,
        "to_formatted": to,
        "uri": f"{uri}.json",
        **known,
    }
    books.calls[sid] = made
    return made


def later(books: Books, call: Json) -> None:
    """Schedule the next step, unless the call is over."""
    if call["status"] in NEXT:
        books.shared.timers.at(
            books.shared.now() + books.step, MOVES, call["account_sid"], call["sid"]
        )


def move(books: Books, sid: str) -> None:
    """Advance a call by one status."""
    call = books.calls.get(sid)
    if call is None or call["status"] not in NEXT:
        return
    status = NEXT[call["status"]]
    if call["direction"] != "inbound" and status == "in-progress":
        status = reach(books, call["from"], call["to"])
    _set_status(books, call, status)
    later(books, call)


def _set_status(books: Books, call: Json, status: str) -> None:
    """Set a call's status; the end of a call is billed and reported."""
    date = books.date()
    call.update(status=status, date_updated=date)
    if status == "in-progress":
        call["start_time"] = date
    if status in NEXT:
        return
    inbound = call["direction"] == "inbound"
    call.update(end_time=date, duration=SECONDS if status == "completed" else "0")
    if status == "completed":
        price = CALL_IN if inbound else CALL_OUT
        call["price"] = f"-{price}"
        bill(books, "call", call["to"], price, call["account_sid"])
    webhooks.post_call(books, _callback(books, call), call)


def _callback(books: Books, call: Json) -> str:
    """Return the URL that hears of a call's end: given with the call, or set on its number."""
    if call["direction"] != "inbound":
        return str(books.private[call["sid"]]["callback"])
    number = books.incoming.get(call["phone_number_sid"])
    return str(number["status_callback"] or "") if number else ""


def reach(books: Books, caller: str, dialled: str) -> str:
    """Ring a telephone, following its forwarding, and return the status of the dialling call."""
    if dialled.startswith("sip:"):
        return "in-progress" if books.answers_sip(dialled, SIGNALS_FROM) else "failed"
    number, last = dialled, ""
    for _ in range(MOST_FORWARDINGS):
        ours = books.incoming_by_number(number)
        if ours is not None:
            _arrive(books, ours, caller, last)
            return "in-progress"
        phone = books.phones.get(number, Phone())
        if not phone.forwards_to:
            return "in-progress" if phone.answer == "completed" else phone.answer
        number, last = phone.forwards_to, number
    return "busy"


def _arrive(books: Books, number: Json, caller: str, last: str) -> None:
    """Bring a call to one of our numbers. Its voice URL gets the webhook, unless a trunk or an
    application answers instead.
    """
    call = new_call(
        books,
        number["account_sid"],
        to=number["phone_number"],
        caller=caller,
        direction="inbound",
        status="ringing",
        phone_number_sid=number["sid"],
        forwarded_from=last or None,
        trunk_sid=number["trunk_sid"],
    )
    if number["voice_url"] and not (number["trunk_sid"] or number["voice_application_sid"]):
        webhooks.post_call(books, number["voice_url"], call)
    later(books, call)


def call_in(books: Books, caller: str, dialled: str) -> str:
    """Call a number as a person, one of ours or one that can forward to ours; return
    the outcome.
    """
    if not dialled.startswith("+"):
        raise invalid(21211, f"{dialled} is not a valid phone number")
    status = reach(books, caller, dialled)
    return "completed" if status == "in-progress" else status
