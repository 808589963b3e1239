"""Lookups of whether a number was reassigned (lookups.twilio.com): yes, if its owner gave it up on
or after the date in the request. No number was given up unless the control API says so.
"""

import re
from dataclasses import dataclass

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.ledger import LOOK_UP, bill
from sandbox.twilio.parameters import Form

FIELD = "reassigned_number"
RECORDED_FROM = "20210127"  # carriers did not have to record such dates earlier
NOT_HERE = 60607
EVERY_NUMBER = ""
PACKAGES = (
    "caller_name",
    "sim_swap",
    "call_forwarding",
    "line_type_intelligence",
    "line_status",
    "identity_match",
    FIELD,
    "sms_pumping_risk",
    "phone_number_quality_score",
    "pre_fill",
)


@dataclass
class Habit:
    """What the lookup of a number returns: the day on which it was `given_up` (20250131), that it
    is not `valid`, or only the `code` of an error. With an HTTP `status`, the whole answer is an
    error.
    """

    given_up: str = ""
    valid: bool = True
    code: int = 0
    status: int = 0


def retrieve(books: Books, account: str, form: Form, number: str) -> Json:
    """``GET /v2/PhoneNumbers/{PhoneNumber}``; refuses the other packages."""
    wanted = set(form.get("Fields", "").split(",")) - {""}
    if wanted - {FIELD}:
        raise invalid(20001, f"The stand-in looks up {FIELD} only")
    habit = books.habits.get(number) or books.habits.get(EVERY_NUMBER) or Habit()
    if habit.status:
        raise refusal(habit)
    shown: Json = dict.fromkeys(PACKAGES) | {
        "calling_country_code": "1" if number.startswith("+1") else None,
        "country_code": "US" if number.startswith("+1") else None,
        "phone_number": number,
        "national_format": f"({number[2:5]}) {number[5:8]}-{number[8:]}",
        "valid": habit.valid,
        "validation_errors": [] if habit.valid else ["INVALID_LENGTH"],
        "url": f"https://lookups.twilio.com/v2/PhoneNumbers/{number}",
    }
    if FIELD in wanted and habit.valid:
        shown[FIELD] = _reassigned(books, account, form, number, habit)
    return shown


def refusal(habit: Habit) -> Exception:
    """Build the error that replaces a whole answer."""
    error = invalid(habit.code, "The lookup is not possible")
    error.status = error.body["status"] = habit.status
    return error


def _reassigned(books: Books, account: str, form: Form, number: str, habit: Habit) -> Json:
    since = form.get("LastVerifiedDate", "")
    if not re.fullmatch(r"\d{8}", since):
        raise invalid(20001, "LastVerifiedDate is a date such as 20250131")
    code = habit.code or (0 if number.startswith("+1") else NOT_HERE)
    if code:
        answer = None
    elif since <= habit.given_up:
        answer = "yes"
    else:
        answer = "no" if since >= RECORDED_FROM else "no_data_available"
    if not code:
        bill(books, "lookup", number, LOOK_UP, account)
    return {
        "last_verified_date": f"{since[:4]}-{since[4:6]}-{since[6:]}",
        "is_number_reassigned": answer,
        "error_code": str(code) if code else None,
    }
