"""The control API and the state page."""

import pytest
import stripe


def test_a_reset_deletes_objects_and_the_request_log(world):
    world.stripe.customers.create({"name": "Ada"})
    assert world.shown("health")["status"] == "ok"
    world.control("reset")
    assert world.stripe.customers.list().data == []
    assert world.requests(method="POST") == []


def test_the_request_log_contains_no_card_numbers_or_keys(world):
    card = {
        "type": "card",
        "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2034, "cvc": "123"},
    }
    with pytest.raises(stripe.InvalidRequestError):
        world.stripe.payment_intents.create(
            {"amount": 500, "currency": "usd", "payment_method_data": card}
        )
    world.http.post(
        "/v1/payment_intents",
        data={"payment_method_data[card][number]": "4242424242424242"},
        headers={"Authorization": "Bearer sk_test_1"},
    )
    logged = str(world.shown("requests", provider="stripe"))
    assert "amount" in logged
    assert "4242424242424242" not in logged
    assert "sk_test" not in logged


@pytest.mark.parametrize(
    "body", [{"no_such": 1}, {"link_limit": "maybe"}, {"hold": "yes"}, {"drop_rate": None}]
)
def test_an_invalid_setting_is_refused(world, body):
    assert world.http.post("/sandbox/settings", json=body).status_code == 400


def test_an_impossible_action_is_refused(world):
    intent = world.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    for path in (
        f"{intent.id}/dispute",
        f"{intent.id}/succeed",
        f"{intent.id}/explode",
        "pi_none/succeed",
        "re_none/fail",
    ):
        assert world.http.post(f"/sandbox/stripe/{path}").status_code == 400, path


def test_the_ledger_sums_money_by_invoice(world):
    for amount in (700, 800):
        world.charge(amount=amount, metadata={"invoice_id": "inv_1"})
    refunded = world.charge("pm_card_pendingRefund", amount=900, metadata={"invoice_id": "inv_2"})
    world.stripe.refunds.create({"payment_intent": refunded.id, "amount": 400})
    world.charge(amount=1000)
    invoices = world.shown("ledger")["invoices"]
    counted = {
        name: (row["received"], row["refunded"], row["refunds_pending"])
        for name, row in invoices.items()
    }
    assert counted == {"inv_1": (1500, 0, 0), "inv_2": (900, 0, 400)}


def test_the_state_page_shows_everything_escaped(world):
    world.stripe.customers.create({"name": "<script>alert(1)</script>"})
    intent = world.charge(metadata={"invoice_id": "inv_<b>"})
    world.stripe.refunds.create({"payment_intent": intent.id, "amount": 500})
    world.pay(world.visit(world.link()), "4000000000000259")
    world.control("faults", kind="slow")
    page = world.http.get("/", params={"refresh": 5}).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "inv_&lt;b&gt;" in page
    for title in (
        "Payment intents",
        "Refunds",
        "Disputes",
        "Webhook deliveries",
        "Faults",
        "Requests",
    ):
        assert f">{title}</h2>" in page or f"{title} <small>" in page
    assert "needs response" in page
