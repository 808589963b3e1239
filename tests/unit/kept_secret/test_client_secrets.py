"""Stripe's client secrets are removed from the events that we keep."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.client_secrets import REMOVED, without_client_secrets

# shapes of Stripe's: intents, sessions, sources, customer and account sessions
SECRETS = [
    "pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "seti_1Mm8s8LkdIwHu7ix0OXBfTRG_secret_NXDICkPqPeiBTAFqWmkbff09lRmSVXe",
    "cs_test_a1Vy2_secret_fidwbEhqYWAnPydmcHZxamgneCUl%2FhY",
    "src_client_secret_KJHRF5zHYsZv4ZLiv2yVBCWV",
    "cuss_secret_QvJxQvJxQvJxQvJx",
    "accs_secret__NcXQvJxQvJxQvJx",
    "pi_1_secret_0Q9",
]
PLACES = {
    "its field": '{{"object": "payment_intent", "client_secret": "{0}"}}',
    "its field, deep down": '{{"data": {{"object": {{"a": [{{"client_secret" : "{0}"}}]}}}}}}',
    "an expanded intent": '{{"payment_intent": {{"id": "pi_1", "client_secret": "{0}"}}}}',
    "an address of next_action": (
        '{{"next_action": {{"redirect_to_url": {{"url": "https://hooks.stripe.com/3d_secure_2?x=1'
        '&payment_intent_client_secret={0}&publishable_key=pk_1"}}}}}}'
    ),
    "an address in an address": (
        '{{"url": "https://a.example/?return=https%3A%2F%2Fb.example%3Fclient_secret%3D{0}"}}'
    ),
    "a text": '{{"last_payment_error": {{"message": "With {0}, confirm it again."}}}}',
    "a field of another name": '{{"stripe_js": "{0}"}}',
    "a field with an escaped letter": '{{"client\\u005fsecret": "{0}"}}',
    "no JSON": "client_secret={0}",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_client_secret_is_removed_wherever_it_occurs(place, secret):
    clean = without_client_secrets(PLACES[place].format(secret))
    assert secret not in clean
    assert secret.partition("_secret_")[2] not in clean
    assert REMOVED in clean
    if place != "no JSON":
        json.loads(clean)


@pytest.mark.parametrize(
    "odd", [7, {"value": "abc"}, ["abc"], "of no known shape", 'with "quotes"']
)
def test_the_client_secret_field_is_removed_whatever_its_value(odd):
    assert without_client_secrets(json.dumps({"client_secret": odd})) == json.dumps(
        {"client_secret": REMOVED}
    )


def test_the_rest_of_an_event_is_unchanged():
    kept = '{ "id":"pi_1",\n "client_secret": "%s",  "amount":1.0, "name": "Zoë \\u00e9" }'
    assert without_client_secrets(kept % SECRETS[0]) == kept % REMOVED
    for nothing in (
        '{"client_secret": null}',
        '{"a": "no secret at all"}',
        '{"x": "\\u00e9"}',
        "{",
    ):
        assert without_client_secrets(nothing) == nothing


@given(st.text() | st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_removing_client_secrets_never_raises_and_is_idempotent(document):
    text = document if isinstance(document, str) else json.dumps(document)
    once = without_client_secrets(text)
    assert without_client_secrets(once) == once
