"""Every request of ours to Twilio has the shape that Twilio publishes, and so does the stand-in's
list of parameters.

The published file (`twilio_api_v2010.json` of https://github.com/twilio/twilio-oai) is not part of
the repository: its folder is named by PAYPHONE_SPECS. Without it the comparison with the file is
skipped, and says so.
"""

import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from providers.twilio import messages as twilio_api
from providers.twilio.accounts import OwnAccount, fetch_account
from runtime.clock import real_now
from sandbox.twilio import accounts
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.twilio.parameters import PARAMETERS
from sandbox.twilio.provider import OPERATIONS
from tests.texting import Texting

FOLDER = os.environ.get("PAYPHONE_SPECS", "")
SPEC = Path(FOLDER) / "twilio_api_v2010.json"
needs_spec = pytest.mark.skipif(
    not FOLDER or not SPEC.exists(),
    reason="PAYPHONE_SPECS names no folder with twilio_api_v2010.json",
)
PLACES = {
    "/2010-04-01/Accounts/{Sid}.json": {"get": "FetchAccount"},
    "/2010-04-01/Accounts/{AccountSid}/Messages.json": {
        "post": "CreateMessage",
        "get": "ListMessage",
    },
    "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json": {
        "get": "FetchMessage",
        "post": "UpdateMessage",
        "delete": "DeleteMessage",
    },
}


@pytest.fixture(scope="module")
def spec():
    return json.loads(SPEC.read_text("utf-8"))


def kind_of(schema, spec):
    """How `parameters.json` writes a parameter's kind."""
    if "$ref" in schema:
        return spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["enum"]
    return schema.get("pattern") or (
        "array" if schema["type"] == "array" else schema.get("format") or schema["type"]
    )


def published(spec):
    found = {}
    for path, operations in PLACES.items():
        for method, name in operations.items():
            operation = spec["paths"][path][method]
            assert operation["operationId"] == name
            body = (
                operation.get("requestBody", {})
                .get("content", {})
                .get("application/x-www-form-urlencoded", {})
                .get("schema", {})
                .get("properties", {})
            )
            query = {
                each["name"]: each["schema"]
                for each in operation["parameters"]
                if each["in"] == "query"
            }
            found[name] = {
                parameter: kind_of(schema, spec) for parameter, schema in (body | query).items()
            }
    return found


@needs_spec
def test_the_list_of_parameters_is_the_published_one(spec):
    assert published(spec) == PARAMETERS


@needs_spec
def test_a_message_has_the_published_fields(texting: Texting, spec):
    texting.consents().send()
    fields = spec["components"]["schemas"]["api.v2010.account.message"]["properties"]
    shown = texting.sent()[0]
    assert set(shown) == set(fields)
    for name, schema in fields.items():
        if schema.get("pattern") and shown[name] is not None:
            assert re.fullmatch(schema["pattern"], shown[name]), name


@needs_spec
def test_an_account_has_the_published_fields_and_standings(texting: Texting, spec):
    fields = spec["components"]["schemas"]["api.v2010.account"]["properties"]
    shown = accounts.retrieve(texting.twilio.books, MAGIC_ACCOUNT, {})
    assert set(shown) == set(fields)
    assert shown["status"] in spec["components"]["schemas"]["account_enum_status"]["enum"]


def test_every_request_the_stand_in_takes_is_on_the_list_and_compared_with_the_published_one():
    """The stand-in refuses what is not on its list, so this covers each request of the whole suite;
    with the file, the list is Twilio's.
    """
    taken = {operation.name for operation in OPERATIONS.values()}
    compared = {name for operations in PLACES.values() for name in operations.values()}
    assert taken == compared == set(PARAMETERS)


@pytest.mark.parametrize(
    "path", ["/Messages.json?Bdy=x", "/Messages.json?PageSize=many", "/Balance.json"]
)
def test_what_is_not_on_the_list_is_refused(texting: Texting, path):
    address = f"{texting.stand_in.url}/api/2010-04-01/Accounts/{MAGIC_ACCOUNT}{path}"
    assert requests.get(address, auth=(MAGIC_ACCOUNT, MAGIC_TOKEN), timeout=5).status_code in {
        400,
        404,
    }


def test_our_own_account_is_read_as_it_stands(texting: Texting):
    assert fetch_account() == OwnAccount("active", "Full")
    rows = texting.stand_in.sandbox.ground.requests.select({"provider": "twilio", "method": "GET"})
    assert [(row["path"], row["params"]) for row in rows] == [
        (f"/2010-04-01/Accounts/{MAGIC_ACCOUNT}.json", {})
    ]


def test_what_we_send_is_known_and_complete(texting: Texting):
    """Each parameter is on the list; a sender, a text, a time and an address to report to are
    always there.
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


def test_what_we_look_for_is_known_and_complete(texting: Texting):
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
        for row in texting.stand_in.sandbox.ground.requests.select(
            {"provider": "twilio", "method": "GET"}
        )
        if row["path"].endswith("/Messages.json")
    ]
    assert set(rows[0]["params"]) == {"To", "PageSize"} <= set(PARAMETERS["ListMessage"])
