"""Answers in no documented shape (a gateway's page, half an object, codes of another type) raise a
ProviderError, and leave the outcome unknown unless they are refusals.
"""

import http.server
import threading
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from providers.errors import ProviderError
from providers.google import calendar
from providers.nexhealth import slots as nexhealth
from providers.oauth import authorization
from providers.open_dental import slots as open_dental
from providers.stripe import client as stripe_api
from providers.stripe import customers, intents, lists
from providers.twilio import (
    accounts,
    addresses,
    calls,
    lookups,
    messages,
    numbers,
    porting,
    prices,
    trunks,
)
from providers.twilio import client as twilio_api
from providers.vapi import client as vapi_api
from providers.vapi import files
from runtime.settings import get_settings
from tests.stories.texting import TWILIO
from tests.stories.voice import VAPI

BODIES = {
    "a page": b"<html>no</html>",
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"5",
    "an empty object": b"{}",
    "cut off": b'{"id": "x',
    "no text": b"\xff\xfe",
    "an id that is a number": b'{"id": 5, "sid": 5, "status": 5}',
    "an error that is a text": b'{"error": "boom"}',
    "an error that is null": b'{"error": null}',
    "an error that is a list": b'{"error": ["x"]}',
    "codes that are numbers": b'{"error": {"code": 7, "message": 5, "type": 9}, "code": 1.5}',
    "codes that are lists": b'{"error": {"code": ["a"], "decline_code": {"x": 1}}, "code": ["a"]}',
    "a code that is a text": b'{"code": "x", "message": ["a"], "status": "y"}',
}
TEXT = {"To": "+12025550100", "Body": "x", "ValidityPeriod": 60, "From": "+12025550101"}
HOOKS = {
    "friendly_name": "tag",
    "sms_url": "http://x.example",
    "voice_url": "http://x.example",
    "status_callback": "http://x.example",
}
ADDRESS = dict.fromkeys(
    ["customer_name", "street", "city", "region", "postal_code", "iso_country", "friendly_name"],
    "x",
)
CALLS = {
    "make a link": lambda: stripe_api.create_payment_link({"line_items": []}, "", "k"),
    "read a link": lambda: stripe_api.get_payment_link("plink_1"),
    "find a link": lambda: stripe_api.find_payment_link("a", "", None),
    "refund": lambda: stripe_api.create_refund({"payment_intent": "pi_1"}, "", "k"),
    "read a refund": lambda: stripe_api.get_refund("re_1"),
    "find a refund": lambda: stripe_api.find_refund("a", "pi_1", ""),
    "read a dispute": lambda: stripe_api.get_dispute("dp_1"),
    "make an intent": lambda: intents.create_intent({"amount": 1}, "", "k"),
    "confirm an intent": lambda: intents.confirm_intent("pi_1", {}, "", "k"),
    "read an intent": lambda: intents.get_intent("pi_1"),
    "read a customer": lambda: customers.get_customer("cus_1"),
    "list events": lambda: lists.list_events(1, ""),
    "text": lambda: messages.send_message(TEXT, "http://x.example"),
    "find texts": lambda: messages.find_messages("+12025550100", datetime.now(UTC), "x"),
    "list texts that came in": lambda: messages.list_inbound(datetime.now(UTC)),
    "list more of them": lambda: messages.list_inbound(
        datetime.now(UTC), "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json?Page=1"
    ),
    "read a text": lambda: messages.fetch_message("SM1"),
    "read the account": accounts.fetch_account,
    "search for numbers": lambda: numbers.search_numbers(area_code="212"),
    "buy a number": lambda: numbers.buy_number("+12125550150", **HOOKS),
    "find a number": lambda: numbers.find_number("tag"),
    "find a number by E.164": lambda: numbers.find_number_by_e164("+12125550150"),
    "read a number": lambda: numbers.get_number("PN1"),
    "change a number": lambda: numbers.update_number("PN1", sms_url=""),
    "release a number": lambda: numbers.release_number("PN1"),
    "list numbers": numbers.list_numbers,
    "make an address": lambda: addresses.create_address(**ADDRESS),
    "find an address": lambda: addresses.find_address("tag"),
    "read an address": lambda: addresses.get_address("AD1"),
    "delete an address": lambda: addresses.delete_address("AD1"),
    "read prices": prices.monthly_number_price,
    "call": lambda: calls.place_test_call("+12125550100", "+12125550150", twiml="<Response/>"),
    "find calls": lambda: calls.find_calls("+12125550100", "+12125550150", datetime.now(UTC)),
    "list calls": lambda: calls.calls_to("+12125550100", datetime.now(UTC)),
    "read a call": lambda: calls.get_call("CA1"),
    "look a number up": lambda: lookups.number_reassigned("+12025550123", date(2026, 1, 31)),
}


class _Answers(http.server.BaseHTTPRequestHandler):
    status, body = 200, b""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(_Answers.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(_Answers.body)))
        self.end_headers()
        self.wfile.write(_Answers.body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def answering(monkeypatch):
    """A provider that gives every request the chosen answer."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    known = {"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "secret"}
    bases = ("TWILIO", "STRIPE", "VAPI", "GOOGLE", "OPEN_DENTAL", "NEXHEALTH")
    patient = {"PAYPHONE_PROVIDER_TIMEOUT": "60"}  # a busy machine must not time out
    for name, value in {**TWILIO, **VAPI, **known, **patient}.items():
        monkeypatch.setenv(name, value)
    for provider in bases:
        monkeypatch.setenv(f"{provider}_API_BASE", url)

    def forget():
        get_settings.cache_clear()
        stripe_api.client.cache_clear()
        twilio_api.client.cache_clear()
        vapi_api.client.cache_clear()

    forget()

    def answer(status: int, body: bytes) -> None:
        _Answers.status, _Answers.body = status, body

    yield answer
    server.shutdown()
    server.server_close()
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize("call", CALLS)
def test_an_odd_answer_is_a_provider_error(call, answering):
    """Given any odd body with any status, then a ProviderError with a code is raised; with 200 or
    500 the outcome is unknown.
    """
    for status in (200, 400, 401, 402, 404, 409, 429, 500):
        for name, body in BODIES.items():
            if (call, status) == ("read a customer", 404) and b'"error"' in body:
                continue  # Stripe says that it does not exist
            answering(status, body)
            with pytest.raises(ProviderError) as raised:
                CALLS[call]()
            assert isinstance(raised.value.code, str), (status, name)
            assert raised.value.code
            if status in {200, 500}:
                assert raised.value.outcome == "unknown", (status, name)


def test_a_404_from_stripe_without_a_code_means_missing(answering):
    answering(404, b'{"error": {"message": "No such thing", "type": "invalid_request_error"}}')
    with pytest.raises(ProviderError) as raised:
        intents.get_intent("pi_1")
    assert (raised.value.outcome, raised.value.code) == ("refused", "resource_missing")
    assert customers.get_customer("cus_1") is None


def test_a_404_from_a_gateway_is_an_unknown_outcome(answering):
    answering(404, b"<html>not here</html>")
    with pytest.raises(ProviderError) as raised:
        intents.get_intent("pi_1")
    assert (raised.value.outcome, raised.value.answered) == ("unknown", False)


@pytest.mark.parametrize(
    "told",
    [
        b"[]",
        b'"no"',
        b'{"is_number_reassigned": "no", "error_code": "no"}',
        b'{"is_number_reassigned": "no", "error_code": ["60606"]}',
        b'{"is_number_reassigned": "no", "error_code": true}',
        b'{"is_number_reassigned": null, "error_code": null}',
        b'{"is_number_reassigned": "", "error_code": ""}',
        b'{"is_number_reassigned": false, "error_code": null}',
        b'{"is_number_reassigned": null, "error_code": "\\u0000"}',
    ],
)
def test_an_odd_reassigned_number_answer_is_an_unknown_outcome(told, answering):
    answering(200, b'{"valid": true, "reassigned_number": ' + told + b"}")
    with pytest.raises(ProviderError) as raised:
        CALLS["look a number up"]()
    assert raised.value.outcome == "unknown"


@pytest.mark.parametrize(
    "away",
    [lambda: numbers.release_number("PN1"), lambda: addresses.delete_address("AD1")],
    ids=["a number", "an address"],
)
def test_only_a_404_from_twilio_itself_confirms_a_deletion(away, answering):
    """Given a gateway's 404 to a deletion, then the object might still exist."""
    answering(404, b"<html>not here</html>")
    with pytest.raises(ProviderError) as raised:
        away()
    assert raised.value.code == "404"
    answering(404, b'{"code": 20404, "message": "The requested resource was not found"}')
    away()


DAY, NOW = date(2026, 11, 30), datetime.now(UTC)
OPENINGS = {
    "google": lambda: calendar.busy("token", NOW, NOW),
    "nexhealth": lambda: nexhealth.find_slots("token", "smile", "1", DAY, DAY),
    "open dental": lambda: open_dental.find_slots("ours", "theirs", DAY, DAY, ZoneInfo("UTC")),
}
NO_OPENINGS = [
    ("google", b'{"calendars": {"primary": null}}'),
    ("google", b'{"calendars": {"primary": ["busy"]}}'),
    ("google", b'{"calendars": {"primary": {"busy": null}}}'),
    ("google", b'{"calendars": {"p": {"busy": [{"start": "2026-11-29", "end": "2026-11-30"}]}}}'),
    ("nexhealth", b'{"data": [{"slots": [null]}]}'),
    ("nexhealth", b'{"data": [{"slots": [{"time": "9999-12-31T23:59:00+00:00"}]}]}'),
    ("open dental", b'[{"DateTimeStart": null, "DateTimeEnd": 5}]'),
]


def test_odd_calendar_answers_never_count_as_free_times(answering):
    """Given calendars that are no objects, days in place of times, and a time at the end of the
    calendar, then the outcome is unknown.
    """
    for provider, body in NO_OPENINGS:
        answering(200, body)
        with pytest.raises(ProviderError) as raised:
            OPENINGS[provider]()
        assert (raised.value.outcome, raised.value.code) == ("unknown", "odd_answer"), body


def test_json_nested_too_deep_is_a_provider_error(answering):
    """Given JSON nested too deep for the parser or an SDK, from any provider, then a ProviderError
    is raised, with unknown outcome.
    """
    consent = calendar.google()
    whoever = [
        *OPENINGS.values(),
        *(CALLS[name] for name in ("make a link", "list events", "text", "list numbers")),
        lambda: porting.get_port("KW1"),
        trunks.list_trunks,
        lambda: files.get_file("f"),
        lambda: authorization.refresh(consent, "token"),
    ]
    for deep in (b'{"id": "x", "data": ' + b"[" * 5000, b'{"id": ' * 450 + b"1" + b"}" * 450):
        for body in (deep, deep + b"]" * 5000 + b"}"):
            answering(200, body)
            for call in whoever:
                with pytest.raises(ProviderError) as raised:
                    call()
                assert raised.value.outcome == "unknown"


def test_a_token_lifetime_that_is_not_a_number_is_a_provider_error(answering):
    answering(400, b'{"access_token": "a", "expires_in": 1e999}')
    with pytest.raises(ProviderError):
        authorization.refresh(calendar.google(), "token")


def test_characters_no_database_can_store_are_replaced_in_provider_text(answering):
    """Given a NUL and half a surrogate pair in names, states and errors, then they are replaced, so
    that both databases can store the text.
    """
    odd, kept = r"a\u0000\ud83d", "a\ufffd\ufffd"
    own = f'{{"items": [{{"primary": true, "summary": "{odd}"}}]}}'
    answering(200, own.encode())
    assert calendar.find_calendar("token") == kept
    answering(200, f'{{"id": "f", "sid": "TK1", "status": "{odd}", "name": "{odd}"}}'.encode())
    assert files.get_file("f")["status"] == kept
    assert stripe_api.get_payment_link("plink_1")["name"] == kept
    answering(200, f'{{"sid": "TK1", "friendly_name": "{odd}"}}'.encode())
    assert trunks.get_trunk("TK1")["friendly_name"] == kept
    answering(400, f'{{"message": "{odd}", "error": {{"message": "{odd}"}}}}'.encode())
    for call in (trunks.list_trunks, lambda: files.get_file("f"), CALLS["read a link"]):
        with pytest.raises(ProviderError) as raised:
            call()
        assert kept in str(raised.value)
