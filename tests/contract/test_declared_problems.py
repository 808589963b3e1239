"""An operation's description names the code of each problem it answers, not only the status."""

import pytest

from models.effects.pause_switch import PauseSwitch
from tests import given
from tests.watching.declared import check_declared, declared_codes
from web.http.body import CAP

REPEATED = (409, "idempotency_in_progress")


def test_charges_paused_is_declared_wherever_it_is_answered(clinic):
    """The test client looks up each code in the description of the operation."""
    intent_id = clinic.intent().json["paymentIntentId"]
    PauseSwitch.set(clinic.account.id, "charges", True, "cli:test", "a test")
    answers = [
        clinic.intent(),
        clinic.phone(),
        clinic.confirm(intent_id, paymentMethodId="pm_card_visa"),
    ]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [
        (409, "charges_paused")
    ] * 3


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        (
            "/api/customers",
            "GET",
            422,
            "payment_refused",
        ),  # the status is declared, for another code
        ("/api/customers", "GET", 404, "invalid"),
        ("/api/payments/{payment_id}/void", "POST", 409, "charges_paused"),
    ],
)
def test_an_undeclared_code_fails_the_check(client, path, method, status, code):
    with pytest.raises(AssertionError, match=f"answered {status} {code}"):
        check_declared(client.app, path, method, status, {"code": code})


def test_the_test_client_checks_every_answer(client, monkeypatch):
    """Given an operation whose description lacks a code, when it answers with that code, then the
    test that called it fails.
    """
    monkeypatch.setattr(
        "tests.watching.declared._known",
        [{("/api/customers/{customer_id}", "GET"): frozenset({(401, "unauthenticated")})}],
    )
    with pytest.raises(
        AssertionError, match=r"GET /api/customers/\{customer_id\} answered 404 not_found"
    ):
        client.simulate_get("/api/customers/cu_none", headers=given.a_key(given.an_account()))
    assert client.simulate_get("/api/customers/cu_none").status_code == 401


def test_every_post_with_a_key_declares_what_reading_and_repeating_it_may_answer(client):
    """Given a POST that takes no fields, then its body is read all the same."""
    declared, key = declared_codes(client.app), given.a_key(given.an_account())
    codes = {(413, "body_too_large"), (409, "conflict"), (422, "idempotency_key_reused")}
    posts = [(path, method) for (path, method), known in declared.items() if REPEATED in known]
    assert ("/api/deployments/{deployment_id}/retry", "POST") in posts
    assert [path for path, method in posts if not codes <= declared[path, method]] == []
    answer = client.simulate_post("/api/deployments/x/retry", body=" " * (CAP + 1), headers=key)
    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
