"""Every answer from Twilio, and every lack of one, becomes a ProviderError that says what is known
of the outcome.
"""

import json
from types import SimpleNamespace

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.base.page import Page
from twilio.base.version import Version
from twilio.http.response import Response
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError

from providers.errors import ProviderError
from providers.twilio.client import mapped_errors, rebased
from providers.twilio.lookups import may_have_looked_up
from providers.twilio.signature import BadTwilioSignature, verify_form
from sandbox.twilio.webhooks import signature

POOL = SimpleNamespace(host="127.0.0.1", port=1)


def rest(status, code):
    return TwilioRestException(status, "/Messages.json", "no", code=code)


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (rest(400, 21211), "refused", "21211"),
        (rest(400, 21610), "refused", "21610"),
        (rest(400, 21614), "refused", "21614"),
        (rest(404, 20404), "refused", "20404"),
        (rest(429, 20429), "retry_later", "20429"),
        (rest(401, 20003), "retry_later", "20003"),
        (rest(403, 20003), "retry_later", "20003"),
        (rest(500, 20500), "unknown", "20500"),
        (rest(503, None), "unknown", "503"),
        (rest(408, None), "unknown", "408"),
        (requests.exceptions.ReadTimeout(), "unknown", "ReadTimeout"),
        (requests.exceptions.ConnectionError(ProtocolError("reset")), "unknown", "ConnectionError"),
        (requests.exceptions.ChunkedEncodingError(), "unknown", "ChunkedEncodingError"),
        (
            requests.exceptions.ConnectTimeout(MaxRetryError(POOL, "/", ConnectTimeoutError())),
            "retry_later",
            "no_connection",
        ),
        (
            requests.exceptions.ConnectionError(
                MaxRetryError(POOL, "/", NewConnectionError(POOL, "refused"))
            ),
            "retry_later",
            "no_connection",
        ),
        (TwilioException("Page Records can not be deserialized"), "unknown", "TwilioException"),
        (ValueError("no JSON"), "unknown", "ValueError"),
    ],
)
def test_each_twilio_error_maps_to_its_outcome_and_code(error, outcome, code):
    with pytest.raises(ProviderError) as told, mapped_errors():
        raise error
    assert (told.value.outcome, told.value.code) == (outcome, code)


@pytest.mark.parametrize(
    ("error", "may_have"),
    [
        (rest(400, 60600), False),
        (rest(403, 20403), False),
        (rest(429, 20429), False),
        (rest(500, 20500), False),
        (rest(503, 20503), False),
        (rest(500, None), True),
        (rest(502, None), True),
        (rest(503, None), True),
        (rest(504, None), True),
        (rest(504, 20504), True),
        (rest(408, None), True),
        (requests.exceptions.ReadTimeout(), True),
        (requests.exceptions.ConnectionError(ProtocolError("reset")), True),
    ],
)
def test_a_lookup_may_have_happened_unless_twilio_itself_refused_it(error, may_have):
    """An error without Twilio's own code, such as a gateway's page, does not tell whether the
    number was looked up.
    """
    with pytest.raises(ProviderError) as told, mapped_errors():
        raise error
    assert may_have_looked_up(told.value) is may_have


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "refused"), (429, "retry_later"), (500, "unknown")]
)
def test_rfc_9457_errors_map_to_their_outcome_too(status, outcome):
    """For RFC 9457 answers the SDK raises another class, which is not a TwilioRestException."""
    error = TwilioServiceException(
        type_uri="https://www.twilio.com/docs/errors/21211",
        title="no",
        status=status,
        code=21211,
        method="POST",
        uri="/",
    )
    with pytest.raises(ProviderError) as told, mapped_errors():
        raise error
    assert told.value.outcome == outcome


@pytest.mark.parametrize(
    ("status", "body", "outcome", "code"),
    [
        (400, {"code": 21211, "message": "no"}, "refused", "21211"),
        (401, {"code": 20003, "message": "Authenticate"}, "retry_later", "20003"),
        (404, {"code": 20404, "message": "no such country"}, "refused", "20404"),
        (429, {"code": 20429, "message": "slower"}, "retry_later", "20429"),
        (503, {"code": 20503, "message": "try again"}, "unknown", "20503"),
        (502, "<html>", "unknown", "502"),
        (404, "<html>", "refused", "404"),
    ],
)
def test_a_refused_list_maps_to_its_outcome_and_code_too(status, body, outcome, code):
    """For a list, the SDK raises no TwilioRestException; the answer is an argument of its error."""
    text = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(ProviderError) as told, mapped_errors():
        Page(None, Response(status, text))
    assert (told.value.outcome, told.value.code, told.value.answered) == (outcome, code, True)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (21404, "trial"),
        (21421, "E.164"),
        (21422, "choose another"),
        (21452, "another area code"),
        (21613, "street address"),
        (21615, "street address"),
        (21628, "spelling"),
        (21629, "suggested"),
        (21631, "street address"),
        (21649, "bundle"),
    ],
)
def test_a_refused_number_purchase_says_what_to_do(code, word):
    with pytest.raises(ProviderError) as told, mapped_errors():
        raise rest(400, code)
    assert (told.value.outcome, told.value.code) == ("refused", str(code))
    assert word in told.value.advice


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize(
    "words",
    [
        "Bundle required and not provided",
        "To purchase or transfer this number you must provide a bundle compliant with the rules",
    ],
)
def test_report_3_a_missing_bundle_is_refused_whatever_its_status(status, words):
    """Twilio has reported it without an error code of its own, and proxies have passed it on as a
    500.
    """
    with pytest.raises(ProviderError) as told, mapped_errors():
        raise TwilioRestException(status, "/", f"Unable to create record: {words}", status)
    assert (told.value.outcome, told.value.code) == ("refused", "21649")
    assert "bundle" in told.value.advice


def read(answer, is_list):
    """Handle a failed answer as the SDK does."""
    if is_list:
        Page(None, answer)
    raise Version.exception("POST", "/", answer, "Unable to create record")


@given(
    status=st.integers(400, 599),
    code=st.none() | st.integers(0, 99_999) | st.text(max_size=5),
    message=st.text(max_size=80),
    is_list=st.booleans(),
)
def test_only_a_definite_refusal_is_reported_as_refused(status, code, message, is_list):
    """Whatever Twilio's code and message, for a list or anything else: 5xx and 408 leave the
    outcome unknown, wrong credentials and rate limits are retried later, everything else is a
    refusal.
    """
    answer = Response(status, json.dumps({"code": code, "message": message, "status": status}))
    with pytest.raises(ProviderError) as told, mapped_errors():
        read(answer, is_list)
    waits = status in {401, 403, 429} or code == 20003
    is_no = status < 500 and status != 408
    assert told.value.outcome == ("retry_later" if waits else "refused" if is_no else "unknown")
    assert told.value.code
    assert told.value.answered


@pytest.mark.parametrize(
    ("url", "there"),
    [
        (
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
            "http://127.0.0.1:1/api/2010-04-01/Accounts/AC1/Messages.json",
        ),
        (
            "https://numbers.twilio.com/v1/Porting?Size=1",
            "http://127.0.0.1:1/numbers/v1/Porting?Size=1",
        ),
        ("http://127.0.0.1:1/api/2010-04-01/x", "http://127.0.0.1:1/api/2010-04-01/x"),
    ],
)
def test_requests_go_to_the_configured_api_base(url, there):
    assert rebased(url, "http://127.0.0.1:1") == there
    assert rebased(url, "") == url


CHARACTERS = st.characters(exclude_categories=["Cs"])
FIELDS = st.dictionaries(
    st.text(CHARACTERS, min_size=1, max_size=8), st.text(CHARACTERS, max_size=20), max_size=6
)
URLS = st.sampled_from(
    ["https://a.test/x", "https://a.test/x?bodySHA256=ab", "https://a.test:8443/x"]
)


@given(fields=FIELDS, token=st.text("abc123", min_size=1, max_size=8))
def test_a_signed_form_is_verified_with_its_blank_fields(fields, token):
    from urllib.parse import urlencode

    url = "https://pay.example/api/webhooks/twilio/messages?x=1"
    assert (
        verify_form(
            urlencode(fields).encode(), url, signature(token, url, fields), ("other", token)
        )
        == fields
    )


@given(raw=st.binary(max_size=200), url=URLS, header=st.text(max_size=40) | st.none())
def test_any_unsigned_request_is_refused_without_a_crash(raw, url, header):
    with pytest.raises(BadTwilioSignature):
        verify_form(raw, url, header, ("token",))
