"""A request has the same bytes whether it was just reserved or is read from its row."""

import json

from effects.deployment.fee import FEE_CREATE
from effects.reserve import reserve_for_account
from models.effects.effect import Effect
from models.transactions import transaction
from tests import given


def test_a_reserved_request_has_the_key_order_of_its_row(client):
    """A provider might compare requests under one idempotency key as text."""
    request = {
        "metadata": {"project": "p", "account_id": "a", "invoice_id": "", "attempt_id": "b"},
        "currency": "usd",
        "amount": 1,
        "listed": [{"longer": 1, "z": 2}, {"b": 1, "a": 2}],
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "ünlesbar": 1,
    }
    account = given.an_account()
    with transaction():
        fresh = reserve_for_account(FEE_CREATE, "dst_1", request, account.id, "test", "a test")
    assert fresh.request == request
    assert json.dumps(fresh.request) == json.dumps(Effect.get_by_id(fresh.id).request)
