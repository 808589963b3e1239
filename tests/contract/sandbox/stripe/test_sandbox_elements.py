"""The stand-in's card fields: a typed card becomes a payment method, but only with the publishable
key and from the fields' own frame.
"""

import httpx
import pytest

CARD = {
    "type": "card",
    "card[number]": "4242424242424242",
    "card[cvc]": "123",
    "card[exp_month]": "12",
    "card[exp_year]": "2099",
}
METHODS = "/v1/payment_methods"


def asked(world, method="POST", path=METHODS, key="pk_test_123", origin=None, data=CARD, **headers):
    sent = {"Authorization": f"Bearer {key}", "Origin": origin or world.url, **headers}
    return world.http.request(method, path, data=data if method == "POST" else None, headers=sent)


def test_a_typed_card_becomes_a_payment_method_that_can_be_charged(world):
    billing = {"billing_details[name]": "Ada", "billing_details[address][postal_code]": "60601"}
    made = asked(world, data=CARD | billing).json()
    assert (made["card"]["last4"], made["card"]["exp_year"], made["billing_details"]["name"]) == (
        "4242",
        2099,
        "Ada",
    )
    assert made["billing_details"]["address"]["postal_code"] == "60601"
    automatic = {"enabled": True, "allow_redirects": "never"}
    intent = world.stripe.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "confirm": True,
            "payment_method": made["id"],
            "automatic_payment_methods": automatic,
        }
    )
    assert intent.status == "succeeded"


def test_a_payment_method_of_a_connected_account_exists_only_there(world):
    account = world.stripe.accounts.create({"type": "standard"}).id
    made = asked(world, **{"Stripe-Account": account}).json()
    assert (
        world.stripe.payment_methods.retrieve(made["id"], options={"stripe_account": account}).id
        == made["id"]
    )
    assert asked(world, "GET", f"{METHODS}/{made['id']}", key="sk_test_1").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", METHODS),
        ("POST", "/v1/payment_intents"),
        ("POST", "/v1/refunds"),
        ("GET", "/v1/events"),
    ],
)
def test_the_publishable_key_can_only_create_payment_methods(world, method, path):
    answer = asked(world, method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "secret_key_required")


@pytest.mark.parametrize(
    ("name", "status"), [("sk_test_1", 200), ("pk_test_1", 401), ("", 401), ("somebody", 401)]
)
def test_a_key_is_accepted_as_the_basic_auth_user_name(world, name, status):
    """`curl -u KEY:`, as Stripe's own documentation shows it."""
    assert world.http.get("/v1/events", auth=(name, "")).status_code == status
    odd = {"Authorization": "Basic ~"}
    assert world.http.get("/v1/events", headers=odd).status_code == 401


@pytest.mark.parametrize(
    ("key", "origin", "status", "word"),
    [
        ("sk_test_1", None, 402, "generally unsafe"),
        ("pk_test_1", "https://clinic.example", 400, "integration surface"),
        ("pk_live_1", None, 401, "test keys only"),
    ],
)
def test_a_card_number_from_anywhere_else_is_refused(world, key, origin, status, word):
    answer = asked(world, key=key, origin=origin)
    assert (answer.status_code, word in answer.json()["error"]["message"]) == (status, True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"card[number]": "4242424242424241"}, "incorrect_number"),
        ({"card[exp_year]": "2020"}, "invalid_expiry_year"),
        ({"card[exp_month]": "13"}, "invalid_expiry_month"),
        ({"card[number]": "4111111111111111"}, "card_declined"),
    ],
)
def test_an_invalid_card_is_refused_when_it_is_typed(world, change, code):
    answer = asked(world, data=CARD | change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, code)


def test_the_card_number_is_neither_logged_nor_shown(world):
    asked(world)
    assert "4242424242424242" not in str(world.requests()) + world.http.get("/").text
    entry = world.requests(path=METHODS)[0]
    assert set(entry["params"]["card"]) == {"exp_month", "exp_year"}


def test_the_script_and_the_frame_are_served(world):
    for path, kind in (
        ("/endive/stripe.js", "text/javascript"),
        ("/elements/frame", "text/html"),
        ("/elements/frame.js", "text/javascript"),
    ):
        answer = httpx.get(world.url + path, timeout=120)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
