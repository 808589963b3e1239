"""Create the SetupIntent of a planned attempt to save a card, for the clinic's customer object in
the platform's Stripe account. A customer of Stripe's other mode (test or live) cannot be used with
our key, so the clinic gets a new one.

Twice is harmless: customer and intent are tagged and keyed by the attempt. If two attempts create a
customer at once, the account keeps the first.
"""

from actions.deployment.card.refresh_card import forget_stripe_customer
from delivery.attempt import recording
from delivery.registry import job
from effects.deployment.saved_card import SETUP_CUSTOMER_CREATE, SETUP_INTENT_CREATE
from effects.perform import perform
from effects.reserve import reserve_for_account
from models.accounts.account import Account
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from models.effects.effect import Effect
from models.transactions import transaction
from providers.stripe.client import MISSING
from rules.deployment.cards import FORGOTTEN, OTHER_MODE
from rules.stripe_mode import mode_it_exists_in
from runtime.clock import real_now

WHY = "the clinic saves a card"
CARDS_ONLY = {"allowed_payment_method_types": ["card"], "usage": "off_session"}


@job(queue="webhooks", calls_out=True, attempts=8, timeout=20)
def open_setup_intent(attempt_id: str) -> None:
    """Create the SetupIntent of row `attempt_id`."""
    attempt = SetupAttempt.get_by_id(attempt_id)
    if attempt.state != "planned" and not _is_open(attempt):
        return
    customer_id = _customer(attempt)
    if customer_id is None:
        return
    with transaction():
        effect = reserve_for_account(
            SETUP_INTENT_CREATE,
            attempt.id,
            {"customer": customer_id, "metadata": _metadata(attempt)} | CARDS_ONLY,
            attempt.account_id,
            attempt.asked_by,
            WHY,
        )
    made = perform(effect)
    now = real_now()
    with recording():
        setup = Setup.locked_for(attempt.account_id, now)
        row = SetupAttempt.locked(attempt.id)
        if made is None:
            _give_up(row, effect)
            if effect.error_code == MISSING and setup.stripe_customer_id == customer_id:
                # the next attempt creates a new customer
                is_elsewhere = mode_it_exists_in(effect.error or "")
                forget_stripe_customer(setup, OTHER_MODE if is_elsewhere else FORGOTTEN, now)
            return
        effect.record_confirmed(made["id"], SETUP_INTENT_CREATE.kept(made), now)
        # an event may have reported the outcome before we knew the intent's id
        state = "open" if row.state == "planned" else row.state
        row.record(now, setup_intent_id=made["id"], state=state)


def _is_open(attempt: SetupAttempt) -> bool:
    """Whether its effect is still unsettled, although an event has reported the outcome."""
    effect = Effect.one("key = ?", f"{SETUP_INTENT_CREATE.name}:{attempt.id}")
    return effect is not None and effect.state not in {"confirmed", "refused"}


def _customer(attempt: SetupAttempt) -> str | None:
    """The id of the clinic's Stripe customer, created if there is none; None if Stripe refused to
    create it.
    """
    with transaction():
        setup = Setup.locked_for(attempt.account_id, real_now())
        sent = Effect.one("key = ?", f"{SETUP_INTENT_CREATE.name}:{attempt.id}")
        if sent is not None:
            return str(sent.request["customer"])
        if setup.stripe_customer_id is not None and not setup.is_of_other_mode:
            return setup.stripe_customer_id
        account = Account.get_by_id(attempt.account_id)
        effect = reserve_for_account(
            SETUP_CUSTOMER_CREATE,
            attempt.id,
            {"name": account.name, "metadata": _metadata(attempt)},
            attempt.account_id,
            attempt.asked_by,
            WHY,
        )
    made = perform(effect)
    now = real_now()
    with transaction() if made is not None else recording():
        setup = Setup.locked_for(attempt.account_id, now)
        if made is None:
            _give_up(SetupAttempt.locked(attempt.id), effect)
            return None
        effect.record_confirmed(made["id"], SETUP_CUSTOMER_CREATE.kept(made), now)
        if setup.is_of_other_mode:
            forget_stripe_customer(setup, OTHER_MODE, now)
        if setup.stripe_customer_id is None:
            setup.record(now, stripe_customer_id=made["id"])
        return setup.stripe_customer_id


def _give_up(attempt: SetupAttempt, effect: Effect) -> None:
    attempt.record(real_now(), state="failed", error=effect.error or effect.error_code or "")


def _metadata(attempt: SetupAttempt) -> dict[str, str]:
    return {
        "account_id": attempt.account_id,
        "invoice_id": "",
        "attempt_id": attempt.id,
        "project": "setup",
    }
