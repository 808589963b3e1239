"""Everything that can come back from Twilio, or not, becomes a ProviderError that says what is
known.
"""

from types import SimpleNamespace

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError

from providers.errors import ProviderError
from providers.twilio.client import mapped_errors, rebased
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
def test_what_is_known_after_a_failure(error, outcome, code):
    with pytest.raises(ProviderError) as told, mapped_errors():
        raise error
    assert (told.value.outcome, told.value.code) == (outcome, code)


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "refused"), (429, "retry_later"), (500, "unknown")]
)
def test_the_newer_shape_of_errors_is_understood_too(status, outcome):
    """RFC 9457 answers raise another class, which is no TwilioRestException."""
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
def test_where_requests_go(url, there):
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
def test_what_was_signed_is_read_back_blank_fields_too(fields, token):
    from urllib.parse import urlencode

    url = "https://pay.example/api/webhooks/twilio/messages?x=1"
    assert (
        verify_form(
            urlencode(fields).encode(), url, signature(token, url, fields), ("other", token)
        )
        == fields
    )


@given(raw=st.binary(max_size=200), url=URLS, header=st.text(max_size=40) | st.none())
def test_whatever_comes_is_refused_and_never_a_crash(raw, url, header):
    with pytest.raises(BadTwilioSignature):
        verify_form(raw, url, header, ("token",))
