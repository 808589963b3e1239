"""The fields of each Stripe object, with their initial values."""

import copy
import json
from pathlib import Path
from typing import Any

from sandbox.stripe.errors import Json

SHAPES: dict[str, Json] = json.loads(Path(__file__).with_name("shapes.json").read_text("utf-8"))
PREFIXES = {
    "customer": "cus",
    "payment_method": "pm",
    "payment_intent": "pi",
    "charge": "ch",
    "balance_transaction": "txn",
    "payment_link": "plink",
    "checkout.session": "cs_test",
    "refund": "re",
    "dispute": "dp",
    "setup_intent": "seti",
    "webhook_endpoint": "we",
    "event": "evt",
    "price": "price",
    "product": "prod",
    "item": "li",
    "account": "acct",
}
KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}


def shaped(kind: str, **fields: Any) -> Json:
    """Return a new object of a kind: all its fields, with those given set."""
    return {**copy.deepcopy(SHAPES[kind]), **fields}


def kind_of(id: str) -> str | None:
    """Return the kind of object by the prefix of its id, or None."""
    return KINDS.get(id.rpartition("_")[0])
