"""Keep a clinic's card up to date: read it from Stripe, and refresh it or withdraw its
verification.

A detached card or deleted customer never comes back by itself: at Stripe they are gone for good. An
expired card is verified again once its bank has renewed it. A card of the other mode cannot be read
with our key: it stays as it is until a key of its mode is back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from actions.deployment.card.save_card import card_columns
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.deployment.setup import Setup
from providers.errors import ProviderError
from providers.stripe.customers import get_customer
from providers.stripe.payment_methods import SavedCard, find_card
from rules.deployment.cards import EXPIRED, FORGOTTEN, REMOVED, good_until
from rules.stripe_mode import Mode, mode_it_exists_in
from runtime.clock import business_now, real_now

Write = Callable[[], bool]  # called in an open transaction; returns whether anything was new


def no_update() -> bool:
    """The write of news that concerns nothing of ours."""
    return False


@dataclass(frozen=True, slots=True)
class CardUpdate:
    """What was learned about an account's card, and the function that writes it."""

    about: str
    write: Write
    is_ours: bool = True


def refresh_card(account_id: str) -> Write:
    """Read the account's card from Stripe, and return the write that records it. Raises
    ProviderError.
    """
    setup = Setup.of(account_id)
    if setup is None or not setup.stripe_payment_method_id or setup.is_of_other_mode:
        return no_update
    method_id = setup.stripe_payment_method_id
    try:
        card = find_card(method_id)
    except ProviderError as error:
        mode = mode_it_exists_in(str(error))
        if not mode:
            raise
        return partial(_record_mode, account_id, method_id, mode)
    return partial(_record_card, account_id, method_id, card)


def _record_card(account_id: str, method_id: str, card: SavedCard | None) -> bool:
    """Record the card as it was read, unless another one has been saved since."""
    now = real_now()
    fresh = Setup.locked_for(account_id, now)
    if fresh.stripe_payment_method_id != method_id:
        return False
    if card is None or card.customer_id != fresh.stripe_customer_id:
        return _withdraw(fresh, REMOVED, now)
    was = (fresh.card, fresh.card_good_until)
    fresh.record(now, **card_columns(card))
    is_good = business_now() < good_until(card.exp_month, card.exp_year)
    if is_good and fresh.card_problem == EXPIRED:
        fresh.record(
            now,
            payment_method_verified=True,
            payment_method_verified_at=now,
            card_problem="",
        )
        _audit(fresh, "payment_method.verified", "renewed by its bank")
        return True
    if not is_good:
        return _withdraw(fresh, EXPIRED, now)
    return (fresh.card, fresh.card_good_until) != was


def _record_mode(account_id: str, method_id: str, mode: Mode) -> bool:
    """Record that the card is of the other mode than our key, and withdraw nothing."""
    now = real_now()
    fresh = Setup.locked_for(account_id, now)
    if fresh.stripe_payment_method_id != method_id:
        return False
    known = fresh.card or {}
    fresh.record(now, card=known | {"mode": mode})
    return bool(known.get("mode") != mode)


def read_customer_deletion(account_id: str, customer_id: str) -> Write:
    """Read whether the platform's customer was deleted, and return the write that records it.
    Raises ProviderError.
    """
    is_gone = get_customer(customer_id) is None

    def write() -> bool:
        now = real_now()
        fresh = Setup.locked_for(account_id, now)
        if not is_gone or fresh.stripe_customer_id != customer_id:
            return False
        forget_stripe_customer(fresh, FORGOTTEN, now)
        return True

    return write


def forget_stripe_customer(setup: Setup, why: str, now: datetime) -> None:
    """Forget a Stripe customer that our key cannot charge, and its card."""
    _withdraw(setup, why, now)
    setup.record(
        now,
        stripe_customer_id=None,
        stripe_payment_method_id=None,
        card=None,
        card_fingerprint=None,
        card_good_until=None,
    )


def _withdraw(setup: Setup, why: str, now: datetime) -> bool:
    """Mark the card as no longer chargeable. Return whether that is new."""
    if not setup.payment_method_verified:
        return False
    setup.record(
        now, payment_method_verified=False, payment_method_verified_at=None, card_problem=why
    )
    _audit(setup, "payment_method.unverified", why)
    return True


def _audit(setup: Setup, action: str, why: str) -> None:
    AuditEntry.record(SYSTEM, action, f"account:{setup.account_id}", setup.account_id, why=why)
