"""Handle Stripe's events about a clinic's card: each is a hint to read the card from Stripe. A
stranger's is recognised by its id, without asking.

Events arrive twice, late and in any order, so nothing is taken from them but whose card to read.
"""

from typing import Any

from actions.deployment.card.refresh_card import (
    CardUpdate,
    no_update,
    read_customer_deletion,
    refresh_card,
)
from actions.deployment.card.save_card import fetch_setup, record_setup
from delivery.attempt import release_batch
from models.accounts.audit_entry import SYSTEM
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from providers.errors import ProviderError
from rules.stripe_event_types import id_in

Json = dict[str, Any]


def read_card_event(kind: str, subject: Json) -> CardUpdate:
    """Read from Stripe what an event (its type is `kind`) hints at. Raises ProviderError."""
    object_id = id_in(subject.get("id"))
    if kind.startswith("setup_intent."):
        return _setup_update(object_id, subject)
    if kind.startswith("payment_method."):
        setup = Setup.one("stripe_payment_method_id = ?", object_id)
        if setup is None:
            return _not_ours(object_id)
        release_batch()
        return CardUpdate(_card_of(setup), refresh_card(setup.account_id))
    setup = Setup.one("stripe_customer_id = ?", object_id)
    if setup is None:
        return _not_ours(object_id)
    release_batch()
    return CardUpdate(_card_of(setup), read_customer_deletion(setup.account_id, object_id))


def _setup_update(setup_intent_id: str, subject: Json) -> CardUpdate:
    """Find the setup attempt of this intent by its id, or by our tag while the id is not recorded,
    and read the intent from Stripe.
    """
    attempt = SetupAttempt.one("setup_intent_id = ?", setup_intent_id)
    if attempt is None:
        metadata = subject.get("metadata")
        tag = id_in(metadata.get("attempt_id")) if isinstance(metadata, dict) else ""
        attempt = SetupAttempt.one("id = ? AND setup_intent_id IS NULL", tag)
    if attempt is None or not setup_intent_id:
        return _not_ours(setup_intent_id)
    attempt_id = attempt.id
    about = f"card form {attempt_id} of account {attempt.account_id}"
    release_batch()
    try:
        seen = fetch_setup(setup_intent_id)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        return CardUpdate(f"{about}: Stripe, asked for {setup_intent_id}, says: {error}", no_update)
    return CardUpdate(about, lambda: record_setup(attempt_id, seen, SYSTEM))


def _card_of(setup: Setup) -> str:
    return f"the card of account {setup.account_id}"


def _not_ours(object_id: str) -> CardUpdate:
    return CardUpdate(f"{object_id or 'it'} belongs to no clinic's setup", no_update, is_ours=False)
