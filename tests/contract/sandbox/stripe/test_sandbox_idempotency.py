"""Idempotency keys: a retry gets the first answer again."""

import threading

import pytest
import stripe

ASKED = {"amount": 500, "currency": "usd"}


def key(name):
    return {"idempotency_key": name}


def test_a_retry_with_the_same_key_replays_the_first_answer(world):
    first = world.stripe.payment_intents.create(ASKED, key("k"))
    again = world.stripe.payment_intents.create(ASKED, key("k"))
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(world.stripe.payment_intents.list().data) == 1


def test_a_used_key_with_changed_parameters_is_refused(world):
    world.stripe.payment_intents.create(ASKED, key("k"))
    with pytest.raises(stripe.IdempotencyError):
        world.stripe.payment_intents.create({**ASKED, "amount": 600}, key("k"))


def test_declines_and_500s_are_replayed(world):
    declined = {
        **ASKED,
        "payment_method": "pm_card_chargeDeclined",
        "confirm": True,
        "return_url": "https://x.test",
    }
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            world.stripe.payment_intents.create(declined, key("d"))
    assert len(world.stripe.payment_intents.list().data) == 1
    world.control("faults", kind="error_500_stored", method="POST", path="/v1/customers")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            world.stripe.customers.create({}, key("c"))
    assert world.stripe.customers.list().data == []


def test_a_key_stays_free_after_a_validation_error(world):
    with pytest.raises(stripe.InvalidRequestError):
        world.stripe.payment_intents.create({"amount": 500}, key("k"))
    assert world.stripe.payment_intents.create(ASKED, key("k")).amount == 500


def test_a_concurrent_request_with_the_same_key_is_refused_with_409(world, eventually):
    over = threading.Event()
    world.sandbox.stripe.pause = lambda _seconds: over.wait(120)
    world.control("faults", kind="slow", method="POST", path="/v1/customers")
    first = threading.Thread(target=lambda: world.stripe.customers.create({}, key("k")))
    first.start()
    eventually(lambda: world.requests(path="/v1/customers", fault="slow"))
    eventually(lambda: world.sandbox.stripe.keys.kept)
    with pytest.raises(stripe.APIError) as refused:
        world.stripe.customers.create({}, key("k"))
    assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
    over.set()
    first.join()
    world.stripe.customers.create({}, key("k"))
    assert len(world.stripe.customers.list().data) == 1


def test_keys_expire_after_a_day_and_are_separate_per_account(world):
    first = world.stripe.payment_intents.create(ASKED, key("k"))
    account = world.stripe.accounts.create({"type": "standard"})
    other = world.stripe.payment_intents.create(ASKED, {**key("k"), "stripe_account": account.id})
    world.control("clock", advance=24 * 3600 + 1)
    later = world.stripe.payment_intents.create(ASKED, key("k"))
    assert len({first.id, other.id, later.id}) == 3
