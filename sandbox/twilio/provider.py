"""How the stand-in for Twilio serves a request: credentials, operation, faults. As at Twilio, only
the keypad's requests are idempotent.
"""

import base64
import json
import re
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.provider_server import ProviderServer, Refusals
from sandbox.request_log import LoggedRequest
from sandbox.stripe.exchange import Answer, Request
from sandbox.twilio import (
    accounts,
    addresses,
    available_numbers,
    calls,
    carrier,
    credential_lists,
    emergency,
    incoming_numbers,
    keypad,
    lookups,
    messages,
    parameters,
    phones,
    porting,
    prices,
    purchases,
    registrations,
    trunks,
    webhooks,
)
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, TwilioError, missing
from sandbox.twilio.ledger import ledger
from sandbox.vapi import multipart
from sandbox.vapi.errors import VapiError

OURS = "/2010-04-01/Accounts/{AccountSid}"
LISTS = f"{OURS}/SIP/CredentialLists"
PORTING = "/numbers/v1/Porting"
DOCUMENTS = "/numbers-upload/v1/Documents"
TRUNKS = "/trunking/v1/Trunks"
MESSAGING = "/messaging/v1"
COUNTRY_PRICES = "/pricing/v1/PhoneNumbers/Countries/{IsoCountry}"
# the placeholders in paths, and what they match
PLACES = {
    "AccountSid": "AC[0-9a-fA-F]{32}",
    "Sid": "[A-Z]{2}[0-9a-fA-F]{32}",
    "CallSid": "CA[0-9a-fA-F]{32}",
    "MessagingServiceSid": "MG[0-9a-fA-F]{32}",
    "ServiceSid": "MG[0-9a-fA-F]{32}",
    "TrunkSid": "TK[0-9a-fA-F]{32}",
    "PortInRequestSid": "KW[0-9a-fA-F]{32}",
    "PhoneNumber": r"\+[1-9]\d{7,14}",
    "CredentialListSid": "CL[0-9a-fA-F]{32}",
    "CountryCode": "[A-Z]{2}",
    "IsoCountry": "[A-Z]{2}",
}


@dataclass(frozen=True)
class Operation:
    """One operation: its name in Twilio's specification, the function, the status of success, and
    what it takes: a form, JSON or a file.
    """

    name: str
    perform: Callable[..., Any]
    status: int = 200
    takes: str = "form"


# by method and path as in Twilio's specification; a host other than `api` is put before the path
OPERATIONS = {
    ("GET", "/2010-04-01/Accounts/{Sid}.json"): Operation("FetchAccount", accounts.retrieve),
    ("POST", f"{OURS}/Messages.json"): Operation("CreateMessage", messages.create, 201),
    ("GET", f"{OURS}/Messages.json"): Operation("ListMessage", messages.index),
    ("GET", f"{OURS}/Messages/{{Sid}}.json"): Operation("FetchMessage", messages.retrieve),
    ("POST", f"{OURS}/Messages/{{Sid}}.json"): Operation("UpdateMessage", messages.update),
    ("DELETE", f"{OURS}/Messages/{{Sid}}.json"): Operation("DeleteMessage", messages.delete, 204),
    ("GET", f"{OURS}/AvailablePhoneNumbers/{{CountryCode}}/Local.json"): Operation(
        "ListAvailablePhoneNumberLocal", available_numbers.index
    ),
    ("POST", f"{OURS}/IncomingPhoneNumbers.json"): Operation(
        "CreateIncomingPhoneNumber", purchases.create, 201
    ),
    ("GET", f"{OURS}/IncomingPhoneNumbers.json"): Operation(
        "ListIncomingPhoneNumber", incoming_numbers.index
    ),
    ("GET", f"{OURS}/IncomingPhoneNumbers/{{Sid}}.json"): Operation(
        "FetchIncomingPhoneNumber", incoming_numbers.retrieve
    ),
    ("POST", f"{OURS}/IncomingPhoneNumbers/{{Sid}}.json"): Operation(
        "UpdateIncomingPhoneNumber", incoming_numbers.update
    ),
    ("DELETE", f"{OURS}/IncomingPhoneNumbers/{{Sid}}.json"): Operation(
        "DeleteIncomingPhoneNumber", incoming_numbers.delete, 204
    ),
    ("POST", f"{OURS}/Addresses.json"): Operation("CreateAddress", addresses.create, 201),
    ("GET", f"{OURS}/Addresses.json"): Operation("ListAddress", addresses.index),
    ("GET", f"{OURS}/Addresses/{{Sid}}.json"): Operation("FetchAddress", addresses.retrieve),
    ("DELETE", f"{OURS}/Addresses/{{Sid}}.json"): Operation("DeleteAddress", addresses.delete, 204),
    ("POST", f"{OURS}/Calls.json"): Operation("CreateCall", calls.create, 201),
    ("GET", f"{OURS}/Calls.json"): Operation("ListCall", calls.index),
    ("GET", f"{OURS}/Calls/{{Sid}}.json"): Operation("FetchCall", calls.retrieve),
    ("POST", f"{OURS}/Calls/{{CallSid}}/Payments.json"): Operation(
        "CreatePayments", keypad.create, 201
    ),
    ("POST", f"{OURS}/Calls/{{CallSid}}/Payments/{{Sid}}.json"): Operation(
        "UpdatePayments", keypad.update, 202
    ),
    ("POST", f"{LISTS}.json"): Operation("CreateSipCredentialList", credential_lists.create, 201),
    ("GET", f"{LISTS}.json"): Operation("ListSipCredentialList", credential_lists.index),
    ("GET", f"{LISTS}/{{Sid}}.json"): Operation(
        "FetchSipCredentialList", credential_lists.retrieve
    ),
    ("DELETE", f"{LISTS}/{{Sid}}.json"): Operation(
        "DeleteSipCredentialList", credential_lists.delete, 204
    ),
    ("POST", f"{LISTS}/{{CredentialListSid}}/Credentials.json"): Operation(
        "CreateSipCredential", credential_lists.add, 201
    ),
    ("GET", f"{LISTS}/{{CredentialListSid}}/Credentials.json"): Operation(
        "ListSipCredential", credential_lists.logins
    ),
    ("POST", f"{LISTS}/{{CredentialListSid}}/Credentials/{{Sid}}.json"): Operation(
        "UpdateSipCredential", credential_lists.change
    ),
    ("POST", TRUNKS): Operation("CreateTrunk", trunks.create, 201),
    ("GET", TRUNKS): Operation("ListTrunk", trunks.index),
    ("GET", f"{TRUNKS}/{{Sid}}"): Operation("FetchTrunk", trunks.retrieve),
    ("DELETE", f"{TRUNKS}/{{Sid}}"): Operation("DeleteTrunk", trunks.delete, 204),
    ("POST", f"{TRUNKS}/{{TrunkSid}}/CredentialLists"): Operation(
        "CreateCredentialList", trunks.attach_credential_list, 201
    ),
    ("GET", f"{TRUNKS}/{{TrunkSid}}/CredentialLists"): Operation(
        "ListCredentialList", trunks.attached_credential_lists
    ),
    ("POST", f"{TRUNKS}/{{TrunkSid}}/OriginationUrls"): Operation(
        "CreateOriginationUrl", trunks.set_origination_url, 201
    ),
    ("GET", f"{TRUNKS}/{{TrunkSid}}/OriginationUrls"): Operation(
        "ListOriginationUrl", trunks.origination_urls
    ),
    ("POST", f"{TRUNKS}/{{TrunkSid}}/OriginationUrls/{{Sid}}"): Operation(
        "UpdateOriginationUrl", trunks.change_address
    ),
    ("POST", DOCUMENTS): Operation("UploadDocument", porting.upload, 201, "file"),
    ("GET", f"{PORTING}/Portability/PhoneNumber/{{PhoneNumber}}"): Operation(
        "FetchPortingPortability", porting.portability
    ),
    ("POST", f"{PORTING}/PortIn"): Operation("CreatePortingPortIn", porting.create, 202, "json"),
    ("GET", f"{PORTING}/PortIn/PortInRequests"): Operation("ListPortInRequests", porting.index),
    ("GET", f"{PORTING}/PortIn/{{PortInRequestSid}}"): Operation(
        "FetchPortingPortIn", porting.retrieve
    ),
    ("DELETE", f"{PORTING}/PortIn/{{PortInRequestSid}}"): Operation(
        "DeletePortingPortIn", porting.cancel, 204
    ),
    ("GET", f"{PORTING}/Configuration/Webhook"): Operation(
        "FetchPortingWebhookConfigurationFetch", porting.webhook
    ),
    ("POST", f"{PORTING}/Configuration/Webhook"): Operation(
        "CreatePortingWebhookConfiguration", porting.set_webhook, 201, "json"
    ),
    ("GET", f"{MESSAGING}/Services"): Operation("ListService", registrations.services),
    ("GET", f"{MESSAGING}/Services/{{ServiceSid}}/PhoneNumbers"): Operation(
        "ListPhoneNumber", registrations.numbers
    ),
    ("GET", f"{MESSAGING}/Services/{{MessagingServiceSid}}/Compliance/Usa2p"): Operation(
        "ListUsAppToPerson", registrations.campaigns
    ),
    ("GET", f"{MESSAGING}/a2p/BrandRegistrations/{{Sid}}"): Operation(
        "FetchBrandRegistrations", registrations.brand
    ),
    ("GET", f"{MESSAGING}/Tollfree/Verifications"): Operation(
        "ListTollfreeVerification", registrations.verifications
    ),
    ("GET", "/lookups/v2/PhoneNumbers/{PhoneNumber}"): Operation(
        "FetchPhoneNumber", lookups.retrieve
    ),
    ("GET", COUNTRY_PRICES): Operation("FetchPhoneNumberCountry", prices.retrieve),
}


def _pattern(address: str) -> re.Pattern[str]:
    """Compile a path; each placeholder becomes a group."""
    parts = re.split(r"{(\w+)}", address)
    return re.compile(
        "".join(
            f"({PLACES[part]})" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
    )


ROUTES = [
    (method, address.startswith("/2010-04-01/Accounts/"), _pattern(address), operation)
    for (method, address), operation in OPERATIONS.items()
]


REFUSALS = {
    "error_500": TwilioError(500, 20500, "An internal server error has occurred"),
    "forbidden_403": TwilioError(403, 20403, "Forbidden"),
    "refused_400": TwilioError(400, 20001, "This cannot be done just now"),
    "rate_limit_429": TwilioError(429, 20429, "Too Many Requests"),
    "conflict_409": TwilioError(409, 20409, "Conflict"),
}


class Twilio(ProviderServer):
    """The stand-in's state and its answers; ``serve`` needs no HTTP."""

    refusals: ClassVar[Refusals] = {
        kind: (error.status, error.body) for kind, error in REFUSALS.items()
    }

    def clear(self) -> None:
        """Forget everything created or bought, opt-outs and senders."""
        self.books = Books(self.shared)
        self.shared.outbox.signers["twilio"] = webhooks.sign
        callbacks: dict[str, Callable[[Books, str], None]] = {
            carrier.MOVES: carrier.move,
            phones.MOVES: phones.move,
            porting.MOVES: porting.move,
            purchases.RENEWS: purchases.renew,
            emergency.REGISTERS: emergency.register,
        }
        for name, happen in callbacks.items():
            self.shared.timers.callbacks[name] = self._callback(happen)

    def _callback(self, happen: Callable[[Books, str], None]) -> Callable[[str, str], None]:
        """Return a callback that uses the books as they are when it runs."""
        return lambda _account, sid: happen(self.books, sid)

    def ledger(self) -> Json:
        """Return what Twilio would bill, fee by fee, and the total."""
        with self.shared.lock:
            self.shared.tick()
            return ledger(self.books)

    def _provider(self, request: Request) -> str:
        return "twilio"

    def _performed(self, request: Request, entry: LoggedRequest) -> Answer:
        """Check and perform a request; errors become answers."""
        try:
            user, token = _credentials(request)
            operation, account, ids = _operation(request, user)
            entry.account = account
            self._authenticate(account, user, token)
            form = _given(operation, request)
            entry.params = {} if operation.takes == "file" else form
            with self.shared.lock:
                made: Json | None = operation.perform(self.books, account, form, *ids)
                body = "" if made is None else json.dumps(made)
            return Answer(operation.status, body, performed=True)
        except TwilioError as error:
            return Answer(error.status, json.dumps(error.body))

    def _authenticate(self, account: str, user: str, token: str) -> None:
        """Refuse everyone but the account itself, with its own token."""
        if user != account or not token or self.books.tokens.get(account) != token:
            raise TwilioError(401, 20003, "Authenticate")


def _given(operation: Operation, request: Request) -> dict[str, Any]:
    """Return the request's parameters, its JSON, or the fields of its multipart form."""
    if operation.takes == "form":
        return dict(parameters.check(operation.name, request.form))
    try:
        if operation.takes == "file":
            raw = request.body.encode("latin-1")
            read = multipart.parts(request.headers.get("content-type", ""), raw)
            return {
                name: part.content if part.filename else part.content.decode()
                for name, part in read.items()
            }
        body = json.loads(request.body)
    except (ValueError, VapiError):
        raise TwilioError(400, 20001, "The body cannot be read") from None
    if not isinstance(body, dict):
        raise TwilioError(400, 20001, "Send one JSON object")
    return body


def _credentials(request: Request) -> tuple[str, str]:
    """Return the basic credentials, an account's sid and token, or empty strings."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, token = base64.b64decode(text, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return "", ""
    return (user, token) if scheme.lower() == "basic" else ("", "")


def _operation(request: Request, user: str) -> tuple[Operation, str, tuple[str, ...]]:
    """Return the operation at a path, its account and the ids. On hosts whose paths name no
    account, it is the account that sends the request.
    """
    for method, names_account, pattern, operation in ROUTES:
        found = pattern.fullmatch(request.path)
        if found and method == request.method:
            ids = found.groups()
            return (operation, ids[0], ids[1:]) if names_account else (operation, user, ids)
    raise missing(request.path)
