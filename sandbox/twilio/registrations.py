"""Registration of senders with the carriers (messaging.twilio.com): messaging services and their
numbers, campaigns, brands, toll-free verifications.

All are approved unless the control API says otherwise. A number without a service of its own is in
the magic one.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, missing
from sandbox.twilio.numbers import MAGIC_SERVICE
from sandbox.twilio.parameters import Form
from sandbox.twilio.trunks import iso, page_of

HOST = "https://messaging.twilio.com/v1"
# fields that Twilio publishes and the stand-in leaves empty
UNSAID: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("unsaid_fields.json").read_text("utf-8")
)
# the default states
CAMPAIGN, BRAND, VERIFICATION = "VERIFIED", "APPROVED", "TWILIO_APPROVED"
NONE = "NONE"  # nothing was submitted
TOLL_FREE = ("+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888")


@dataclass
class Submission:
    """The outcome of submitting a service's campaign, or a toll-free number: `status`, `brand` (a
    campaign's), `code` and `words` of a refusal; a `final` one cannot be submitted again.
    """

    status: str = ""
    brand: str = BRAND
    code: int = 0
    words: str = ""
    final: bool = False


def services(books: Books, account: str, form: Form) -> Json:
    """``GET /v1/Services``."""
    date = iso(books.date())
    rows = [
        dict.fromkeys(UNSAID["service"])
        | {"account_sid": account, "sid": sid, "friendly_name": sid, "date_created": date}
        for sid in _services(books)
    ]
    return page_of(rows, "services", f"{HOST}/Services", form)


def numbers(books: Books, account: str, form: Form, service: str) -> Json:
    """``GET /v1/Services/{ServiceSid}/PhoneNumbers``."""
    url, date = f"{HOST}/Services/{_known(books, service)}/PhoneNumbers", iso(books.date())
    rows = [
        {
            "sid": _number_sid(books, number),
            "account_sid": account,
            "service_sid": service,
            "date_created": date,
            "date_updated": date,
            "phone_number": number,
            "country_code": "US",
            "capabilities": ["SMS", "MMS", "Voice"],
            "url": f"{url}/{_number_sid(books, number)}",
        }
        for number in _numbers(books, service)
    ]
    return page_of(rows, "phone_numbers", url, form)


def campaigns(books: Books, account: str, form: Form, service: str) -> Json:
    """``GET /v1/Services/{MessagingServiceSid}/Compliance/Usa2p``."""
    url, date = f"{HOST}/Services/{_known(books, service)}/Compliance/Usa2p", iso(books.date())
    said, sid = books.submissions.get(service, Submission()), f"QE{service[2:]}"
    row: Json = dict.fromkeys(UNSAID["campaign"]) | {
        "sid": sid,
        "account_sid": account,
        "brand_registration_sid": f"BN{service[2:]}",
        "messaging_service_sid": service,
        "description": "A clinic reminds its patients of their bills.",
        "message_samples": ["Harbor Dental: your bill is due.", "Harbor Dental: thank you."],
        "us_app_to_person_usecase": "ACCOUNT_NOTIFICATION",
        "has_embedded_links": True,
        "has_embedded_phone": False,
        "campaign_status": said.status or CAMPAIGN,
        "campaign_id": "CSANDBOX",
        "date_created": date,
        "date_updated": date,
        "url": f"{url}/{sid}",
        "mock": False,
        "errors": _errors(said) if said.status else [],
    }
    return page_of([] if said.status == NONE else [row], "compliance", url, form)


def brand(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET /v1/a2p/BrandRegistrations/{Sid}``."""
    said, date = books.submissions.get(f"MG{sid[2:]}", Submission()), iso(books.date())
    if said.brand == NONE:  # the brand is another account's
        raise missing(f"/v1/a2p/BrandRegistrations/{sid}")
    refused = said.brand == "FAILED"
    return dict.fromkeys(UNSAID["brand"]) | {
        "sid": sid,
        "account_sid": account,
        "date_created": date,
        "date_updated": date,
        "brand_type": "STANDARD",
        "status": said.brand,
        "failure_reason": said.words if refused else None,
        "errors": _errors(said) if refused else [],
        "url": f"{HOST}/a2p/BrandRegistrations/{sid}",
        "mock": False,
    }


def verifications(books: Books, account: str, form: Form) -> Json:
    """``GET /v1/Tollfree/Verifications``, of one number if the request names it."""
    url, date = f"{HOST}/Tollfree/Verifications", iso(books.date())
    wanted = form.get("TollfreePhoneNumberSid")
    everyone = {each.number for each in books.senders} | {
        row["phone_number"] for row in books.incoming.values()
    }
    rows = []
    for number in sorted(each for each in everyone if each.startswith(TOLL_FREE)):
        said, sid = books.submissions.get(number, Submission()), _number_sid(books, number)
        if said.status == NONE or wanted not in {None, sid}:
            continue
        rows.append(
            dict.fromkeys(UNSAID["verification"])
            | {
                "sid": f"HH{sid[2:]}",
                "account_sid": account,
                "date_created": date,
                "date_updated": date,
                "tollfree_phone_number_sid": sid,
                "tollfree_phone_number": number,
                "status": said.status or VERIFICATION,
                "rejection_reason": said.words or None,
                "error_code": said.code or None,
                "edit_allowed": not said.final if said.code else None,
                "url": f"{url}/HH{sid[2:]}",
            }
        )
    return page_of(rows, "verifications", url, form)


def _errors(said: Submission) -> list[Json]:
    """Return the reasons for a refusal in Twilio's format."""
    if not said.code:
        return []
    url = f"https://www.twilio.com/docs/api/errors/{said.code}"
    return [{"error_code": said.code, "description": said.words, "fields": [], "url": url}]


def _services(books: Books) -> list[str]:
    return sorted({MAGIC_SERVICE} | {each.service for each in books.senders if each.service})


def _known(books: Books, service: str) -> str:
    if service not in _services(books):
        raise missing(f"/v1/Services/{service}")
    return service


def _numbers(books: Books, service: str) -> list[str]:
    known = [each.number for each in books.senders if (each.service or MAGIC_SERVICE) == service]
    named = {each.number for each in books.senders}
    bought = [row["phone_number"] for row in books.incoming.values()]
    more = [each for each in bought if each not in named] if service == MAGIC_SERVICE else []
    return [each for each in (*known, *more) if each not in books.unbound]


def _number_sid(books: Books, number: str) -> str:
    """Return a number's sid; if the number was never bought, one made from its digits."""
    row = books.incoming_by_number(number)
    return row["sid"] if row else f"PN{number.removeprefix('+'):0>32}"
