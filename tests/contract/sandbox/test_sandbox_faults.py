"""Injected faults: what the client sees, and whether the request was performed all the same."""

import pytest
import stripe

ASKED = {"amount": 500, "currency": "usd"}


def order(world, kind, **more):
    return world.control(
        "faults", provider="stripe", kind=kind, method="POST", path="/v1/payment_intents", **more
    )


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("refuse", stripe.APIConnectionError, 0),
        ("refuse_after", stripe.APIConnectionError, 1),
        ("error_500", stripe.APIError, 0),
        ("error_500_stored", stripe.APIError, 0),
        ("error_500_after", stripe.APIError, 1),
        ("bad_gateway", stripe.APIError, 0),
        ("rate_limit_429", stripe.RateLimitError, 0),
        ("forbidden_403", stripe.PermissionError, 0),
        ("refused_400", stripe.InvalidRequestError, 0),
        ("conflict_409", stripe.APIError, 0),
    ],
)
def test_an_injected_fault_raises_with_or_without_performing_the_request(world, kind, error, done):
    order(world, kind)
    with pytest.raises(error):
        world.stripe.payment_intents.create(ASKED, {"idempotency_key": "k"})
    assert len(world.stripe.payment_intents.list().data) == done
    logged = world.requests(method="POST", path="/v1/payment_intents")
    assert [(row["fault"], row["performed"], row["idempotency_key"]) for row in logged] == [
        (kind, bool(done), "k")
    ]


@pytest.mark.parametrize(("kind", "done"), [("timeout_before", 0), ("timeout_after", 1)])
def test_timeouts_hang_until_the_client_gives_up(world, eventually, kind, done):
    order(world, kind, seconds=300)
    hasty = world.client(timeout=0.2).v1
    with pytest.raises(stripe.APIConnectionError):
        hasty.payment_intents.create(ASKED, {"idempotency_key": "k"})

    def performed():
        return [row["performed"] for row in world.requests(method="POST", fault=kind)]

    eventually(lambda: performed() == [bool(done)])
    assert len(world.stripe.payment_intents.list().data) == done
    again = world.stripe.payment_intents.create(ASKED, {"idempotency_key": "k"})
    assert [each.id for each in world.stripe.payment_intents.list().data] == [again.id]
    assert world.requests(method="POST", path="/v1/payment_intents")[-1]["replayed"] is bool(done)


def test_a_hanging_request_ends_by_itself(world):
    order(world, "timeout_before", seconds=0.1)
    with pytest.raises(stripe.APIConnectionError):
        world.stripe.payment_intents.create(ASKED)


def test_faults_can_be_limited_skipped_listed_and_deleted(world):
    fault = order(world, "error_500", skip=1, times=2)
    world.stripe.payment_intents.create(ASKED)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            world.stripe.payment_intents.create(ASKED)
    world.stripe.payment_intents.create(ASKED)
    assert [(row["id"], row["hits"], row["times"]) for row in world.shown("faults")["faults"]] == [
        (fault["id"], 2, 0)
    ]
    world.http.delete("/sandbox/faults")
    assert world.shown("faults")["faults"] == []


def test_a_faults_path_may_contain_a_wildcard(world):
    intent = world.stripe.payment_intents.create(ASKED)
    world.control("faults", kind="error_500", method="POST", path="/v1/payment_intents/*/confirm")
    with pytest.raises(stripe.APIError):
        world.stripe.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_visa", "return_url": "https://x.test"}
        )
    assert world.stripe.payment_intents.retrieve(intent.id).status == "requires_payment_method"


@pytest.mark.parametrize("body", [{"kind": "earthquake"}, {"kind": "slow", "sekonds": 1}, {}])
def test_an_invalid_fault_is_refused(world, body):
    assert world.http.post("/sandbox/faults", json=body).status_code == 400
