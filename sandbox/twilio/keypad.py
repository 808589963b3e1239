"""Cards typed during a call: sessions that ask for pieces, which callers type well or badly.

No card numbers exist here: what is reported is masked, as at Twilio.
"""

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, TwilioError, invalid, missing
from sandbox.twilio.parameters import Form
from sandbox.twilio.webhooks import post_keypad

BUSY = 21457
NEEDED = ("payment-card-number", "expiration-date", "security-code", "postal-code")
SHOWN = {
    "payment-card-number": {"PaymentCardNumber": "xxxxxxxxxxxx4242", "PaymentCardType": "visa"},
    "expiration-date": {"ExpirationDate": "1230"},
    "security-code": {"SecurityCode": "xxx"},
    "postal-code": {"PaymentCardPostalCode": "xxxxx"},
}


def create(books: Books, account: str, form: Form, call_sid: str) -> Json:
    """``POST …/Calls/{CallSid}/Payments.json``; a repeated key returns the first session."""
    key = _key(form)
    known = next((row for row in books.payments.values() if key in row["keys"]), None)
    if known is not None:
        return _shown(books, known)
    if any(row["call_sid"] == call_sid and row["open"] for row in books.payments.values()):
        raise TwilioError(400, BUSY, "A payment session is in progress in this call already")
    if form.get("ChargeAmount"):
        raise invalid(20001, "This stand-in only tokenizes")
    sid = books.sid("PK")
    skipped = {
        piece
        for name, piece in (("SecurityCode", NEEDED[2]), ("PostalCode", NEEDED[3]))
        if form.get(name) == "false"
    }
    books.payments[sid] = {
        "sid": sid,
        "call_sid": call_sid,
        "account_sid": account,
        "date_created": books.date(),
        "keys": [key],
        "open": True,
        "required": [piece for piece in NEEDED if piece not in skipped],
        "reports": 0,
    }
    return _shown(books, books.payments[sid])


def update(books: Books, account: str, form: Form, call_sid: str, sid: str) -> Json:
    """``POST …/Calls/{CallSid}/Payments/{Sid}.json``: a piece is typed at once, well or badly;
    completing or cancelling a session reports its result.
    """
    row, key = books.owned(books.payments, account, f"Calls/{call_sid}/Payments", sid), _key(form)
    if row["call_sid"] != call_sid:
        raise missing(f"/2010-04-01/Accounts/{account}/Calls/{call_sid}/Payments/{sid}.json")
    if key in row["keys"]:
        return _shown(books, row)
    if not row["open"]:
        raise invalid(20001, "The payment session is over")
    row["keys"].append(key)
    if form.get("Capture"):
        _type(books, row, form["Capture"], form["StatusCallback"])
    elif form.get("Status") == "complete" and not row["required"]:
        _end(books, row, books.keypad_result, form["StatusCallback"])
    elif form.get("Status"):
        _end(books, row, "validation-error", form["StatusCallback"])
    return _shown(books, row)


def _type(books: Books, row: Json, piece: str, callback: str) -> None:
    error = books.mistyped.pop(0) if books.mistyped else ""
    if not error:
        row["required"] = [each for each in row["required"] if each != piece]
    fields = {"Capture": piece, "Required": " ".join(row["required"])}
    fields |= {"ErrorType": error} if error else SHOWN.get(piece, {})
    _report(books, row, callback, fields)


def _end(books: Books, row: Json, result: str, callback: str) -> None:
    row["open"] = False
    fields = {"Result": result}
    if result == "success":
        fields |= {
            "PaymentToken": books.keypad_token,
            "ProfileId": "",
            "PaymentMethod": "credit-card",
        }
    _report(books, row, callback, fields)


def _report(books: Books, row: Json, callback: str, fields: dict[str, str]) -> None:
    row["reports"] += 1
    of_session = {"AccountSid": row["account_sid"], "CallSid": row["call_sid"], "Sid": row["sid"]}
    post_keypad(books, callback, of_session | fields, f"{row['sid']}:{row['reports']}")


def _key(form: Form) -> str:
    if not form.get("IdempotencyKey") or not form.get("StatusCallback"):
        raise invalid(20001, "IdempotencyKey and StatusCallback are required")
    return form["IdempotencyKey"]


def _shown(books: Books, row: Json) -> Json:
    account, call, sid = row["account_sid"], row["call_sid"], row["sid"]
    return {
        "account_sid": account,
        "call_sid": call,
        "sid": sid,
        "date_created": row["date_created"],
        "date_updated": books.date(),
        "uri": f"/2010-04-01/Accounts/{account}/Calls/{call}/Payments/{sid}.json",
    }
