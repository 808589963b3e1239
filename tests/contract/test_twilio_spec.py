"""Every request of ours to Twilio, and the stand-in's list of parameters, has the shape that Twilio
publishes.

The published files (https://github.com/twilio/twilio-oai) are not part of the repository;
PAYPHONE_SPECS names their folder. Without them the tests that compare with them are skipped, with
the reason.
"""

import json
import os
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests

from providers.twilio import messages as twilio_api
from providers.twilio import porting as ports
from providers.twilio import trunks
from providers.twilio.accounts import OwnAccount, fetch_account
from providers.twilio.addresses import create_address
from providers.twilio.calls import place_test_call
from providers.twilio.lookups import number_reassigned
from providers.twilio.numbers import buy_number, search_numbers
from runtime.clock import real_now
from sandbox.twilio import (
    accounts,
    available_numbers,
    lookups,
    porting,
    prices,
    registrations,
)
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN, Sender
from sandbox.twilio.control import add_sender
from sandbox.twilio.numbers import MAGIC_SERVICE
from sandbox.twilio.parameters import PARAMETERS
from sandbox.twilio.provider import OPERATIONS
from tests.stand_ins.twilio_stand_in import TwilioStandIn
from tests.stories.texting import HOME, Texting

FOLDER = Path(os.environ.get("PAYPHONE_SPECS", ""))
# first label of the host: the file that describes it (the stand-in's paths leave `api` out)
SPECS = {
    "api": "twilio_api_v2010.json",
    "pricing": "twilio_pricing_v1.json",
    "numbers": "twilio_numbers_v1.json",
    "trunking": "twilio_trunking_v1.json",
    "messaging": "twilio_messaging_v1.json",
    "lookups": "twilio_lookups_v2.json",
}
needs_spec = pytest.mark.skipif(
    not os.environ.get("PAYPHONE_SPECS")
    or not all((FOLDER / name).exists() for name in SPECS.values()),
    reason="PAYPHONE_SPECS names no folder with " + " and ".join(SPECS.values()),
)
# Twilio documents the upload on its website, not in the published files
PUBLISHED = {
    (method, address): ours
    for (method, address), ours in OPERATIONS.items()
    if ours.name != "UploadDocument"
}
ROOT = "api.v2010.account"
PHONE = "+12025550123"
SHAPES = {
    "account": ROOT,
    "message": f"{ROOT}.message",
    "available number": (f"{ROOT}.available_phone_number_country.available_phone_number_local"),
    "number": f"{ROOT}.incoming_phone_number",
    "address": f"{ROOT}.address",
    "call": f"{ROOT}.call",
    "login list": f"{ROOT}.sip.sip_credential_list",
    "login": f"{ROOT}.sip.sip_credential_list.sip_credential",
    "trunk": "trunking.v1.trunk",
    "trunk's lists": "trunking.v1.trunk.credential_list",
    "trunk's urls": "trunking.v1.trunk.origination_url",
    "port": "numbers.v1.porting_port_in",
    "port webhook": "numbers.v1.porting_webhook_configuration",
    "portability": "numbers.v1.porting_portability",
    "ported number": "numbers.v1.porting_port_in_phone_number_result",
    "listed port": "numbers.v1.port_in_request_list",
    "service": "messaging.v1.service",
    "service's number": "messaging.v1.service.phone_number",
    "campaign": "messaging.v1.service.us_app_to_person",
    "brand": "messaging.v1.brand_registrations",
    "verification": "messaging.v1.tollfree_verification",
    "prices": "pricing.v1.phone_number.phone_number_country-instance",
}


@pytest.fixture(scope="module")
def specs():
    return {host: json.loads((FOLDER / name).read_text("utf-8")) for host, name in SPECS.items()}


def kind_of(schema, spec):
    """Return a parameter's kind as `parameters.json` writes it."""
    if "$ref" in schema:
        return spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["enum"]
    if "type" not in schema:  # any JSON
        return "string"
    return schema.get("pattern") or (
        "array" if schema["type"] == "array" else schema.get("format") or schema["type"]
    )


def operation_at(specs, method, address):
    """Return the published operation at a path of the stand-in's, and its specification."""
    host = address.split("/")[1]
    spec = specs.get(host, specs["api"])
    return spec["paths"][address.removeprefix(f"/{host}") if host in specs else address][
        method.lower()
    ], spec


def published(specs):
    """Return the published parameters of each operation that the stand-in has."""
    found = {}
    for (method, address), ours in PUBLISHED.items():
        operation, spec = operation_at(specs, method, address)
        assert operation["operationId"] == ours.name
        body = (
            operation.get("requestBody", {})
            .get("content", {})
            .get("application/x-www-form-urlencoded", {})
            .get("schema", {})
            .get("properties", {})
        )
        query = {
            each["name"]: each["schema"]
            for each in operation.get("parameters", ())
            if each.get("in") == "query"  # the others are in the path or in headers
        }
        found[ours.name] = {
            parameter: kind_of(schema, spec) for parameter, schema in (body | query).items()
        }
    return found


@needs_spec
def test_the_parameter_list_agrees_with_the_published_spec(specs):
    assert published(specs) == PARAMETERS


@needs_spec
def test_a_success_has_the_published_status(specs):
    for (method, address), ours in PUBLISHED.items():
        assert list(operation_at(specs, method, address)[0]["responses"]) == [str(ours.status)]


def fits(value, schema, spec):
    """Whether a value is of the published kind; every field can be null."""
    kinds = {
        "string": str,
        "boolean": bool,
        "number": (int, float),
        "integer": int,
        "object": dict,
        "array": list,
    }
    if "$ref" in schema:
        shape = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return value is None or ("enum" not in shape or value in shape["enum"])
    if schema.get("pattern") and value is not None:
        return re.fullmatch(schema["pattern"], value) is not None
    return value is None or isinstance(value, kinds.get(schema.get("type"), object))


def assert_published(specs, kind, shown):
    """Assert that a resource has exactly the published fields, each of the published kind."""
    host = SHAPES[kind].split(".")[0]
    spec = specs.get(host, specs["api"])
    fields = spec["components"]["schemas"][SHAPES[kind]]["properties"]
    assert set(shown) == set(fields)
    for name, schema in fields.items():
        assert fits(shown[name], schema, spec), (name, shown[name])


@needs_spec
def test_a_message_has_the_published_fields(texting: Texting, specs):
    texting.consents().send()
    assert_published(specs, "message", texting.sent()[0])


@needs_spec
def test_an_account_has_the_published_fields(texting: Texting, specs):
    assert_published(specs, "account", accounts.retrieve(texting.twilio.books, MAGIC_ACCOUNT, {}))


@needs_spec
def test_numbers_addresses_calls_trunks_and_ports_have_the_published_fields(going_live, specs):
    """Given a number that was found, bought with an address and called, a trunk with a login, and a
    port, then each answer has the shape that Twilio publishes.
    """
    books = going_live.books
    area = {"AreaCode": "212", "PageSize": "1"}
    search = available_numbers.index(books, MAGIC_ACCOUNT, area, "US")
    assert_published(specs, "available number", search["available_phone_numbers"][0])
    for row in books.incoming.values():
        assert_published(specs, "number", row)
    assert_published(specs, "address", next(iter(books.addresses.values())))
    assert {row["direction"] for row in books.calls.values()} == {"inbound", "outbound-api"}
    for row in books.calls.values():
        assert_published(specs, "call", row)
    (trunk,), (logins,) = books.trunks.values(), books.login_lists.values()
    assert_published(specs, "trunk", trunk)
    assert_published(specs, "login list", logins)
    (login,) = books.private[logins["sid"]].values()
    assert_published(specs, "login", login)
    for kind in ("lists", "urls"):
        (row,) = books.private[trunk["sid"]][kind].values()
        assert_published(specs, f"trunk's {kind}", row)
    (port,) = books.ports.values()
    assert_published(specs, "port", port)
    assert_published(specs, "ported number", port["phone_numbers"][0])
    (listed,) = porting.index(books, MAGIC_ACCOUNT, {})["port_in_requests"]
    assert_published(specs, "listed port", listed)
    can_move = porting.portability(books, MAGIC_ACCOUNT, {}, "+12125550177")
    assert_published(specs, "portability", can_move)
    webhook = porting.set_webhook(books, MAGIC_ACCOUNT, {"port_in_target_url": f"{HOME}/p"})
    assert_published(specs, "port webhook", webhook)
    assert_published(specs, "prices", prices.retrieve(books, MAGIC_ACCOUNT, {}, "US"))


@needs_spec
def test_registrations_of_senders_have_the_published_fields(texting: Texting, specs):
    """Given a service with a toll-free number and a refused campaign, then each answer has the
    shape that Twilio publishes.
    """
    books = texting.twilio.books
    add_sender(texting.twilio, Sender("+18885550150"))
    said = registrations.Submission("FAILED", "FAILED", 30943, "Third-party debt collection.")
    books.submissions[MAGIC_SERVICE] = said
    shown = {
        "service": registrations.services(books, MAGIC_ACCOUNT, {})["services"][0],
        "service's number": registrations.numbers(books, MAGIC_ACCOUNT, {}, MAGIC_SERVICE)[
            "phone_numbers"
        ][0],
        "campaign": registrations.campaigns(books, MAGIC_ACCOUNT, {}, MAGIC_SERVICE)["compliance"][
            0
        ],
        "brand": registrations.brand(books, MAGIC_ACCOUNT, {}, f"BN{'0' * 32}"),
        "verification": registrations.verifications(books, MAGIC_ACCOUNT, {})["verifications"][0],
    }
    for kind, row in shown.items():
        assert_published(specs, kind, row)


@needs_spec
@pytest.mark.parametrize("habit", [{}, {"given_up": "20250131"}, {"code": 60606}, {"valid": False}])
def test_a_look_up_has_the_published_fields(texting: Texting, specs, habit):
    """Given each outcome of a lookup, then its answer has the shape that Twilio publishes, and we
    read that outcome.
    """
    books, spec = texting.twilio.books, specs["lookups"]
    books.habits[PHONE] = lookups.Habit(**habit)
    form = {"Fields": "reassigned_number", "LastVerifiedDate": "20250131"}
    shown = lookups.retrieve(books, MAGIC_ACCOUNT, form, PHONE)
    shapes = spec["components"]["schemas"]
    inner = shown["reassigned_number"]
    for row, name in ((shown, "LookupResponse"), (inner, "ReassignedNumberInfo")):
        fields = shapes[name]["properties"]
        assert row is None or set(row) == set(fields)
        for field, value in (row or {}).items():
            assert value is inner or fits(value, fields[field], spec), (field, value)
    assert number_reassigned(PHONE, date(2025, 1, 31)) == (
        {"given_up": "yes", "code": "60606", "valid": "not_valid"}.get(next(iter(habit), ""), "no")
    )


@needs_spec
def test_a_list_has_the_published_names(going_live, specs):
    """The list's own name must match, because the SDK takes whichever name is not one of paging."""
    for (method, address), ours in OPERATIONS.items():
        if ours.name.startswith("List"):
            if "{TrunkSid}" in address:
                more = tuple(going_live.books.trunks)
            elif "ServiceSid}" in address:
                more = (MAGIC_SERVICE,)
            elif "{CredentialListSid}" in address:
                more = tuple(going_live.books.login_lists)
            else:
                more = ("US",) if "{CountryCode}" in address else ()
            shown = ours.perform(going_live.books, MAGIC_ACCOUNT, {}, *more)
            answer = operation_at(specs, method, address)[0]["responses"]["200"]
            schema = answer["content"]["application/json"]["schema"]
            assert set(shown) == set(schema["properties"]), ours.name


def test_every_operation_of_the_stand_in_has_a_parameter_list():
    """The stand-in refuses parameters that are not on its list, so the list covers every request of
    the whole suite; a test above compares it with Twilio's files.
    """
    assert {operation.name for operation in PUBLISHED.values()} == set(PARAMETERS)


@pytest.mark.parametrize(
    "path", ["/Messages.json?Bdy=x", "/Messages.json?PageSize=many", "/Balance.json"]
)
def test_unknown_parameters_and_paths_are_refused(texting: Texting, path):
    address = f"{texting.stand_in.url}/api/2010-04-01/Accounts/{MAGIC_ACCOUNT}{path}"
    assert requests.get(address, auth=(MAGIC_ACCOUNT, MAGIC_TOKEN), timeout=120).status_code in {
        400,
        404,
    }


def test_our_own_account_is_read_with_status_and_type(texting: Texting):
    assert fetch_account() == OwnAccount("active", "Full")
    rows = texting.stand_in.sandbox.shared.requests.select({"provider": "twilio", "method": "GET"})
    assert [(row["path"], row["params"]) for row in rows] == [
        (f"/2010-04-01/Accounts/{MAGIC_ACCOUNT}.json", {})
    ]


def test_a_sent_text_has_only_known_parameters_and_all_required_ones(texting: Texting):
    """Each parameter is on the list, and recipient, text, sender, status callback and validity
    period are always there.
    """
    texting.consents().send()
    texting.deliver()
    asked = texting.requests()[0]["params"]
    assert (
        set(asked)
        == {"To", "Body", "MessagingServiceSid", "StatusCallback", "ValidityPeriod"}
        <= set(PARAMETERS["CreateMessage"])
    )
    assert len(asked["Body"]) <= 1600
    assert 1 <= int(asked["ValidityPeriod"]) <= 36_000
    assert re.fullmatch(
        r"https?://[^/_]+/api/webhooks/twilio/message-status\?effect=eff_[0-9a-z]+",
        asked["StatusCallback"],
    )


def test_a_search_for_texts_has_only_known_parameters(texting: Texting):
    message = texting.consents().send()
    found = twilio_api.find_messages(
        message.to, real_now() - timedelta(minutes=1), texting.address_in(message.body)
    )
    assert [each.sid for each in found] == [message.sid]
    assert twilio_api.fetch_message(message.sid or "").status in {
        "accepted",
        "queued",
        "sent",
        "delivered",
    }
    rows = [
        row
        for row in texting.stand_in.sandbox.shared.requests.select(
            {"provider": "twilio", "method": "GET"}
        )
        if row["path"].endswith("/Messages.json")
    ]
    assert set(rows[0]["params"]) == {"To", "PageSize"} <= set(PARAMETERS["ListMessage"])


EVERY_TIME = {
    "CreateIncomingPhoneNumber": {
        "PhoneNumber",
        "FriendlyName",
        "SmsUrl",
        "SmsMethod",
        "VoiceUrl",
        "VoiceMethod",
        "StatusCallback",
        "StatusCallbackMethod",
        "EmergencyAddressSid",
        "AddressSid",
    },
    "CreateAddress": {
        "CustomerName",
        "Street",
        "City",
        "Region",
        "PostalCode",
        "IsoCountry",
        "FriendlyName",
        "EmergencyEnabled",
        "AutoCorrectAddress",
    },
    "CreateCall": {"To", "From", "Twiml", "Timeout", "TimeLimit"},
}
PORT = {
    "phone_numbers": [{"phone_number": "+12125550177"}],
    "losing_carrier_information": {
        "customer_type": "Business",
        "customer_name": "Harbor Dental",
        "authorized_representative": "Ada Lane",
        "authorized_representative_email": "ada@harbor.example",
        "address": {
            "street": "12 Pier St",
            "city": "New York",
            "state": "NY",
            "zip": "10001",
            "country": "US",
        },
    },
}
ENDS = {
    "CreateIncomingPhoneNumber": "/IncomingPhoneNumbers.json",
    "CreateAddress": "/Addresses.json",
    "CreateCall": "/Calls.json",
}


@pytest.mark.parametrize("name", EVERY_TIME)
def test_each_deployment_request_has_exactly_the_expected_parameters(going_live, name):
    """We never send an AreaCode, with which a retried purchase would buy a second number."""
    requests_made = going_live.asked("POST", ENDS[name])
    assert requests_made
    for asked in requests_made:
        assert set(asked) == EVERY_TIME[name] <= set(PARAMETERS[name])


@needs_spec
def test_every_required_parameter_is_sent(going_live, specs):
    for (method, address), ours in PUBLISHED.items():
        if ours.name in EVERY_TIME:
            body = operation_at(specs, method, address)[0]["requestBody"]["content"]
            schema = body["application/x-www-form-urlencoded"]["schema"]
            assert set(schema.get("required", ())) <= EVERY_TIME[ours.name]


@pytest.fixture
def going_live(twilio_stand_in: TwilioStandIn) -> TwilioStandIn:
    """A clinic's number, bought with its address and called, with a trunk and a port."""
    hooks = {"sms_url": f"{HOME}/sms", "voice_url": f"{HOME}/voice"}
    address = create_address(
        customer_name="Harbor Dental",
        street="12 Pier St",
        city="New York",
        region="NY",
        postal_code="10001",
        iso_country="US",
        friendly_name="pp-address",
    )
    first, second = (
        buy_number(
            each.e164,
            friendly_name=f"pp-{each.e164}",
            status_callback=f"{HOME}/status",
            emergency_address_sid=address["id"],
            address_sid=address["id"],
            **hooks,
        )["phone_number"]
        for each in search_numbers(area_code="212", limit=2)
    )
    logins = trunks.create_credential_list("pp-logins")
    trunks.set_login(logins["id"], "clinic-1", "Secret-secret-1")
    trunk = trunks.create_trunk("pp-trunk", "pp-clinic.pstn.twilio.com")
    trunks.attach_credential_list(trunk["id"], logins["id"])
    trunks.set_origination_url(trunk["id"], "pp-trunk", "sip:+12125550123@trunk.sip.vapi.ai")
    document = ports.upload_document("bill.pdf", b"%PDF-1.7", "application/pdf", "pp-bill")
    ports.create_port(PORT | {"documents": [document["id"]]})
    place_test_call(first, second, twiml="<Response/>")
    twilio_stand_in.passes()
    return twilio_stand_in
