"""Objects have the fields that Stripe's own samples have (the samples are not part of this
repository).
"""

import json
import os
from pathlib import Path

import pytest

USED = [
    "account",
    "balance_transaction",
    "charge",
    "checkout.session",
    "customer",
    "dispute",
    "event",
    "item",
    "payment_intent",
    "payment_link",
    "payment_method",
    "price",
    "product",
    "refund",
    "setup_intent",
    "webhook_endpoint",
]


@pytest.fixture(scope="module")
def samples():
    """One sample of each resource, from the folder that PAYPHONE_SPECS names."""
    folder = os.environ.get("PAYPHONE_SPECS")
    if not folder:
        pytest.skip("PAYPHONE_SPECS names no folder with stripe_fixtures3.json")
    return json.loads((Path(folder) / "stripe_fixtures3.json").read_text())["resources"]


@pytest.fixture
def made(world):
    """One object of each kind, made through the API."""
    world.stripe.accounts.create({"type": "standard"})
    world.stripe.customers.create({"name": "Ada"})
    world.stripe.setup_intents.create({})
    world.stripe.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    world.pay(world.visit(world.link()), "4000000000000259")
    refunded = world.charge("pm_card_visa")
    world.stripe.refunds.create({"payment_intent": refunded.id})
    tables = world.sandbox.stripe.platform.tables
    objects = {kind: list(table.values())[-1] for kind, table in tables.items()}
    link = next(iter(tables["payment_link"]))
    return {**objects, "item": world.stripe.payment_links.line_items.list(link).data[0].to_dict()}


@pytest.mark.parametrize("kind", USED)
def test_each_object_has_every_field_of_stripes_sample(samples, made, kind):
    assert set(samples[kind]) - set(made[kind]) == set()


def test_every_kind_of_object_is_covered(made):
    assert set(USED) <= set(made)
    assert all(each["object"] == kind for kind, each in made.items())
