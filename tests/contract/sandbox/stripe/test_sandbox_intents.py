"""PaymentIntents: created, confirmed, declined, cancelled."""

import pytest
import stripe

from sandbox.stripe.test_cards import CARDS

NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
DECLINES = [
    (card.name, card.code, card.decline_code, card.advice)
    for card in CARDS
    if card.declines and not card.action
]


def test_an_intent_is_created_then_confirmed_and_paid(world):
    intents = world.stripe.payment_intents
    intent = intents.create(
        {
            "amount": 1099,
            "currency": "USD",
            "metadata": {"a": "1"},
            "receipt_email": "a@b.test",
            **NO_REDIRECTS,
        }
    )
    assert (intent.status, intent.currency, intent.amount_received) == (
        "requires_payment_method",
        "usd",
        0,
    )
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    paid = intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]}
    )
    assert (paid.status, paid.amount_received, paid.latest_charge.status) == (
        "succeeded",
        1099,
        "succeeded",
    )
    assert paid.latest_charge.payment_method_details.card.last4 == "4242"
    assert intents.retrieve(intent.id).payment_method.startswith("pm_")
    assert world.types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    ]


@pytest.mark.parametrize(("name", "code", "decline_code", "advice"), DECLINES)
def test_a_declined_charge_leaves_the_intent_open(world, name, code, decline_code, advice):
    with pytest.raises(stripe.CardError) as refused:
        world.charge(f"pm_card_{name}")
    error = refused.value.error
    assert (refused.value.http_status, error.code, error.decline_code, error.advice_code) == (
        402,
        code,
        decline_code,
        advice,
    )
    intent = world.stripe.payment_intents.retrieve(error.payment_intent.id)
    assert (intent.status, intent.payment_method, intent.last_payment_error.code) == (
        "requires_payment_method",
        None,
        code,
    )
    assert world.stripe.charges.retrieve(intent.latest_charge).status == "failed"
    assert world.types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert (
        world.stripe.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status
        == "succeeded"
    )


def test_an_off_session_charge_that_needs_authentication_is_declined(world):
    with pytest.raises(stripe.CardError) as refused:
        world.charge("pm_card_authenticationRequired", off_session=True)
    assert refused.value.code == "authentication_required"
    with pytest.raises(stripe.CardError) as refused:
        world.charge("pm_card_threeDSecure2Required", error_on_requires_action=True)
    assert refused.value.error.payment_intent.status == "requires_payment_method"


def test_an_intent_requires_action_until_authentication_is_answered(world):
    intent = world.charge("pm_card_authenticationRequired")
    assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")
    assert (
        world.control(f"stripe/{intent.id}/fail_authentication")["status"]
        == "requires_payment_method"
    )
    again = world.charge("pm_card_authenticationRequired", return_url="https://clinic.test/back")
    assert (
        world.payer.post(again.next_action.redirect_to_url.url, data={"outcome": "succeed"}).json()[
            "status"
        ]
        == "succeeded"
    )


def test_a_phone_order_needs_no_authentication(world):
    paid = world.charge(
        "pm_card_authenticationRequired", payment_method_options={"card": {"moto": True}}
    )
    assert paid.status == "succeeded"


def test_a_server_side_confirm_needs_a_return_url_or_no_redirects(world):
    asked = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.payment_intents.create(asked)
    assert refused.value.param == "return_url"
    assert world.stripe.payment_intents.list().data == []
    assert (
        world.stripe.payment_intents.create({**asked, "return_url": "https://clinic.test"}).status
        == "succeeded"
    )
    assert (
        world.stripe.payment_intents.create(
            {**asked, "allowed_payment_method_types": ["card"]}
        ).status
        == "succeeded"
    )


@pytest.mark.parametrize("path", ["payment_intents", "setup_intents"])
def test_payment_method_types_are_no_longer_accepted(world, path):
    form = {"amount": 500, "currency": "usd", "payment_method_types[0]": "card"}
    answer = world.http.post(
        f"/v1/{path}", data=form, headers={"Authorization": "Bearer sk_test_1"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        400,
        "payment_method_types_no_longer_supported",
    )


def test_a_cancelled_intent_cannot_be_cancelled_again_or_confirmed(world):
    intent = world.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    cancelled = world.stripe.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason, world.types()[-1]) == (
        "canceled",
        "abandoned",
        "payment_intent.canceled",
    )
    for act in (world.stripe.payment_intents.cancel, world.stripe.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            act(
                intent.id,
                (
                    {"return_url": "https://x.test"}
                    if act == world.stripe.payment_intents.confirm
                    else {}
                ),
            )
        assert refused.value.code == "payment_intent_unexpected_state"


def test_a_sessions_intent_cannot_be_cancelled_by_itself(world):
    visit = world.visit(world.link())
    world.pay(visit, "4000000000000002")
    owned = world.stripe.checkout.sessions.retrieve(visit["session"]).payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="expire"):
        world.stripe.payment_intents.cancel(owned)


def test_updating_changes_amount_and_metadata(world):
    intent = world.stripe.payment_intents.create(
        {"amount": 500, "currency": "usd", "metadata": {"a": "1", "b": "2"}}
    )
    changed = world.stripe.payment_intents.update(
        intent.id, {"amount": 700, "metadata": {"a": "", "c": "3"}}
    )
    assert (changed.amount, changed.metadata.to_dict()) == (700, {"b": "2", "c": "3"})


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(49, "usd", "amount_too_small"), (10**8, "usd", "amount_too_large")],
)
def test_an_amount_that_is_too_small_or_too_large_is_refused(world, amount, currency, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.payment_intents.create({"amount": amount, "currency": currency})
    assert refused.value.code == code


@pytest.mark.parametrize("address", ["ada@.example.org", "ada@example", "ada@example..org"])
def test_a_receipts_address_must_be_one(world, address):
    intent = world.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    for asked in (
        lambda: world.stripe.payment_intents.create(
            {"amount": 500, "currency": "usd", "receipt_email": address}
        ),
        lambda: world.stripe.payment_intents.update(intent.id, {"receipt_email": address}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            asked()
        assert (refused.value.code, refused.value.param) == ("email_invalid", "receipt_email")


def test_an_authorized_payment_is_captured_later(world):
    held = world.charge(capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == (
        "requires_capture",
        2000,
        0,
    )
    taken = world.stripe.payment_intents.capture(held.id, {"amount_to_capture": 1500})
    assert (taken.status, taken.amount_received) == ("succeeded", 1500)


@pytest.mark.parametrize(
    ("outcome", "status", "paid"),
    [("succeed", "succeeded", "paid"), ("fail", "requires_payment_method", "unpaid")],
)
def test_a_bank_payment_settles_later(world, outcome, status, paid):
    visit = world.visit(world.link())
    done = world.payer.post(visit["url"], data={"payment_method": "pm_usBankAccount"}).json()
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    assert world.stripe.payment_intents.retrieve(done["payment_intent"]).status == "processing"
    assert world.control(f"stripe/{done['payment_intent']}/{outcome}")["status"] == status
    assert world.stripe.checkout.sessions.retrieve(visit["session"]).payment_status == paid
    told = "failed" if outcome == "fail" else "succeeded"
    assert world.types()[-1] == f"checkout.session.async_payment_{told}"


def test_intents_are_listed_by_customer_and_page(world):
    customer = world.stripe.customers.create({"name": "Ada"})
    made = [
        world.stripe.payment_intents.create(
            {"amount": 500 + i, "currency": "usd", "customer": customer.id}
        ).id
        for i in range(5)
    ]
    world.stripe.payment_intents.create({"amount": 900, "currency": "usd"})
    page = world.stripe.payment_intents.list({"customer": customer.id, "limit": 2})
    assert ([each.id for each in page.data], page.has_more) == (made[:2:-1], True)
    before = world.stripe.payment_intents.list(
        {"customer": customer.id, "ending_before": made[1], "limit": 2}
    )
    assert [each.id for each in before.data] == [made[3], made[2]]
    assert [each.id for each in page.auto_paging_iter()] == made[::-1]
    assert (
        world.stripe.payment_intents.list({"created": {"gt": page.data[0].created + 60}}).data == []
    )
