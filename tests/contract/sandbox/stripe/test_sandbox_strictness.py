"""Parameters are checked against the SDK's own types, for every operation."""

import pytest
import stripe

from sandbox.stripe import operations, params
from sandbox.stripe.errors import ApiError

ASKED = {"amount": 500, "currency": "usd"}


@pytest.mark.parametrize(
    ("path", "form", "code", "param"),
    [
        (
            "payment_intents",
            {**ASKED, "recipt_email": "a@b.test"},
            "parameter_unknown",
            "recipt_email",
        ),
        (
            "payment_intents",
            {**ASKED, "payment_method_options[card][mtoo]": "true"},
            "parameter_unknown",
            "payment_method_options[card][mtoo]",
        ),
        (
            "payment_intents",
            {**ASKED, "idempotency_key": "k"},
            "parameter_unknown",
            "idempotency_key",
        ),
        ("payment_intents", {"amount": 500}, "parameter_missing", "currency"),
        (
            "payment_intents",
            {"amount": "5.00", "currency": "usd"},
            "parameter_invalid_integer",
            "amount",
        ),
        ("payment_intents", {**ASKED, "confirm": "yes"}, "parameter_invalid_boolean", "confirm"),
        ("payment_intents", {**ASKED, "metadata": "x"}, None, "metadata"),
        ("payment_intents", {**ASKED, "metadata[project]": "x" * 501}, None, "metadata"),
        ("customers", {f"metadata[{'k' * 41}]": "x"}, None, "metadata"),
        ("customers", {f"metadata[k{n}]": "x" for n in range(51)}, None, "metadata"),
        (
            "payment_links",
            {"line_items[0][price_data][currency]": "usd"},
            "parameter_missing",
            "line_items[0][quantity]",
        ),
        ("payment_links", {"line_items": "x"}, "parameter_invalid_array", "line_items"),
        ("refunds", {"payment_intent": "pi_1", "reason": "because"}, None, "reason"),
        (
            "webhook_endpoints",
            {"url": "http://x.test", "enabled_events[0]": "payment_intent.succeded"},
            None,
            "enabled_events[0]",
        ),
        ("checkout/sessions", {"mode": "paymnt"}, None, "mode"),
        (
            "payment_intents/pi_1/confirm",
            {"paymentmethod": "pm_1"},
            "parameter_unknown",
            "paymentmethod",
        ),
    ],
)
def test_an_invalid_parameter_is_named(world, path, form, code, param):
    answer = world.http.post(
        f"/v1/{path}", data=form, headers={"Authorization": "Bearer sk_test_1"}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error.get("code"), error["param"]) == (
        400,
        "invalid_request_error",
        code,
        param,
    )


def test_an_unknown_query_parameter_is_named(world):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.payment_intents.list({"metadata": {"invoice_id": "1"}})
    assert refused.value.code == "parameter_unknown"


@pytest.mark.parametrize(
    "row",
    operations.TABLE,
    ids=lambda row: f"{row[0]} {row[1]}" if isinstance(row, tuple) else None,
)
def test_every_operation_refuses_an_unknown_parameter(row):
    with pytest.raises(ApiError) as refused:
        params.check(row[2], {"no_such_parameter": "1"})
    assert refused.value.body["error"]["code"] == "parameter_unknown"


def test_form_values_are_converted_to_their_types(world):
    given = {
        "amount": "500",
        "currency": "usd",
        "confirm": "true",
        "off_session": "one_off",
        "metadata": {"0": "a"},
    }
    checked = params.check("PaymentIntentCreateParams", given)
    assert checked == {**ASKED, "confirm": True, "off_session": "one_off", "metadata": {"0": "a"}}
    assert (
        params.check("PaymentIntentCreateParams", {**given, "off_session": "true"})["off_session"]
        is True
    )


def test_unknown_paths_keys_and_ids_are_refused(world):
    headers = {"Authorization": "Bearer sk_test_1"}
    unknown = world.http.get("/v1/payment_intent", headers=headers)
    assert (unknown.status_code, unknown.json()["error"]["message"][:24]) == (
        404,
        "Unrecognized request URL",
    )
    with pytest.raises(stripe.AuthenticationError):
        world.client("sk_live_1").v1.customers.list()
    assert world.http.get("/v1/customers").status_code == 401
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.customers.retrieve("cus_none")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
