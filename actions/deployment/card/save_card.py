"""Save a clinic's card: record once what became of a SetupIntent, as Stripe reports it.

The browser's request and Stripe's event both record it, in either order. Of two attempts, the card
of the one begun later stays.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage_again
from models.deployment.setup import SHARED, Setup
from models.deployment.setup_attempt import SetupAttempt
from providers.stripe.payment_methods import SavedCard, find_card
from providers.stripe.setup_intents import get_setup_intent
from rules.declines import advice, public_code
from rules.deployment.cards import EXPIRED, REMOVED, good_until
from rules.stripe_event_types import id_in
from runtime.clock import business_now, real_now
from runtime.errors import Refused
from runtime.log import get_log

# seconds after which a saved card is read again: a removal might have crossed with saving it
LOOK_AGAIN = 60.0
NOT_ENTERED = "No card has been entered yet. Enter it in the form, then send this again."
NOT_CONFIRMED = (
    "The bank asks the cardholder to confirm the card. Confirm it in the form, then send this"
    " again."
)
CLOSED = "This card form was closed before a card was saved. Open a new one."

Json = dict[str, Any]

log = get_log("payment")


@dataclass(frozen=True, slots=True)
class FetchedSetup:
    """A SetupIntent as it is at Stripe, with the card that it saved, if any."""

    id: str
    status: str
    error_code: str
    payment_method_id: str
    card: SavedCard | None


def fetch_setup(setup_intent_id: str) -> FetchedSetup:
    """Read a SetupIntent, and its card if it succeeded. Raises ProviderError."""
    intent = get_setup_intent(setup_intent_id)
    status = str(intent.get("status") or "")
    method_id = id_in(intent.get("payment_method"))
    card = find_card(method_id) if status == "succeeded" and method_id else None
    return FetchedSetup(intent["id"], status, _code_of(intent), method_id, card)


def _code_of(intent: Json) -> str:
    error = intent.get("last_setup_error")
    codes = (
        (error.get(name) for name in ("decline_code", "code")) if isinstance(error, dict) else ()
    )
    return next((code for code in codes if isinstance(code, str) and code), "")


def record_setup(attempt_id: str, seen: FetchedSetup, actor: str) -> bool:
    """Record a SetupIntent in the open transaction. Return whether anything was new."""
    now = real_now()
    setup = Setup.locked_for(SetupAttempt.get_by_id(attempt_id).account_id, now)
    attempt = SetupAttempt.locked(attempt_id)
    if attempt.state == "succeeded":
        return False
    known = (attempt.state, attempt.error)
    attempt.setup_intent_id = seen.id
    if why_not_saved(setup, seen) is None:
        attempt.record(
            now,
            state="succeeded",
            setup_intent_id=seen.id,
            payment_method_id=seen.payment_method_id,
            error="",
        )
        _save(setup, attempt, seen.card, actor, now)
        return True
    if seen.status == "canceled":
        attempt.record(now, state="canceled", setup_intent_id=seen.id)
    elif seen.error_code or seen.status == "succeeded":
        attempt.record(now, state="failed", setup_intent_id=seen.id, error=seen.error_code)
    return (attempt.state, attempt.error) != known


def why_not_saved(setup: Setup, seen: FetchedSetup) -> Refused | None:
    """Return why this SetupIntent saved no card that can be charged; None if it did."""
    if seen.status == "succeeded":
        return _why_not_good(setup, seen.card)
    if seen.status == "requires_action":
        return declined("authentication_required", NOT_CONFIRMED)
    if seen.error_code:
        return declined(seen.error_code)
    closed = seen.status == "canceled"
    return Refused("payment_method_required", CLOSED if closed else NOT_ENTERED)


def _why_not_good(setup: Setup, card: SavedCard | None) -> Refused | None:
    if card is None or card.customer_id != setup.stripe_customer_id:
        return Refused("payment_method_required", REMOVED)
    if good_until(card.exp_month, card.exp_year) <= business_now():
        return declined("expired_card", EXPIRED)
    return None


def declined(code: str, told: str = "") -> Refused:
    """Return the refusal for a card that a bank declined."""
    words = told or advice(code)
    return Refused("card_declined", words, declineCode=public_code(code), advice=words)


def _save(
    setup: Setup, attempt: SetupAttempt, card: SavedCard | None, actor: str, now: datetime
) -> None:
    """Make the card the account's, unless a later attempt has saved another."""
    later = SetupAttempt.that_saved(setup.account_id, setup.stripe_payment_method_id)
    if card is None or (
        setup.may_pay and later is not None and later.created_at > attempt.created_at
    ):
        return
    setup.record(
        now,
        stripe_payment_method_id=card.id,
        payment_method_verified=True,
        payment_method_verified_at=now,
        first_verified_at=setup.first_verified_at or now,
        card_problem="",
        **card_columns(card),
    )
    about = f"account:{setup.account_id}"
    AuditEntry.record(actor, "payment_method.saved", about, setup.account_id, attempt_id=attempt.id)
    stage_again(
        "refresh_saved_card",
        setup.account_id,
        setup.account_id,
        fair_to=setup.account_id,
        delay=LOOK_AGAIN,
    )
    _flag_if_shared(setup, card, actor)
    log.info("[Payment] Payment method saved successfully", account_id=setup.account_id)


def card_columns(card: SavedCard) -> Json:
    """Return the columns in which a setup keeps a card."""
    return {
        "card": {
            "brand": card.brand,
            "last4": card.last4,
            "expMonth": card.exp_month,
            "expYear": card.exp_year,
            "mode": card.mode,
        },
        "card_fingerprint": card.fingerprint or None,
        "card_good_until": good_until(card.exp_month, card.exp_year),
    }


def _flag_if_shared(setup: Setup, card: SavedCard, actor: str) -> None:
    """Flag a card that many accounts use, for operators to see. That can be card testing, or one
    owner of several clinics, so nothing is refused.
    """
    accounts = Setup.with_fingerprint(card.fingerprint) if card.fingerprint else 0
    if accounts >= SHARED:
        log.warning("one card in many accounts", account_id=setup.account_id, accounts=accounts)
        AuditEntry.record(
            actor,
            "payment_method.shared",
            f"account:{setup.account_id}",
            setup.account_id,
            fingerprint=card.fingerprint,
            accounts=accounts,
        )
