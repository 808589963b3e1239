"""What a test can do to Stripe's objects: verdicts, settlements, authentications."""

from collections.abc import Callable

from sandbox.stripe import (
    checkout_payment,
    checkout_sessions,
    disputes,
    payment_methods,
    refunds,
    setup_intents,
)
from sandbox.stripe.account import Account
from sandbox.stripe.errors import Json, unexpected
from sandbox.stripe.provider import Stripe
from sandbox.stripe.shapes import kind_of

Action = Callable[[Account, Json, Json], object]


def _dispute(account: Account, subject: Json, body: Json) -> Json:
    """Open a dispute of a charge, or of an intent's latest charge."""
    charge_id = subject["latest_charge"] if subject["object"] == "payment_intent" else subject["id"]
    if not charge_id or account.get("charge", charge_id)["status"] != "succeeded":
        raise unexpected(f"{subject['id']} has no succeeded charge to dispute.")
    wanted = {name: body[name] for name in ("reason", "amount", "inquiry") if name in body}
    return disputes.open_dispute(account, account.get("charge", charge_id), **wanted)


ACTIONS: dict[tuple[str, str], Action] = {
    ("refund", "succeed"): lambda account, refund, _: refunds.succeed(account, refund),
    ("refund", "fail"): lambda account, refund, body: refunds.fail(account, refund, **body),
    ("dispute", "win"): lambda account, dispute, _: disputes.win(account, dispute),
    ("dispute", "decide_won"): lambda account, dispute, _: disputes.decide_won(account, dispute),
    ("dispute", "reinstate"): lambda account, dispute, _: disputes.reinstate(account, dispute),
    ("dispute", "lose"): lambda account, dispute, _: disputes.lose(account, dispute),
    ("dispute", "escalate"): lambda account, dispute, _: disputes.escalate(account, dispute),
    ("charge", "dispute"): _dispute,
    ("payment_intent", "dispute"): _dispute,
    ("payment_intent", "succeed"): lambda account, intent, _: checkout_payment.settle(
        account, intent, True
    ),
    ("payment_intent", "fail"): lambda account, intent, _: checkout_payment.settle(
        account, intent, False
    ),
    ("payment_intent", "authenticate"): lambda account, intent, _: checkout_payment.authenticate(
        account, intent, True
    ),
    ("payment_intent", "fail_authentication"): lambda account, intent, _: (
        checkout_payment.authenticate(account, intent, False)
    ),
    ("setup_intent", "authenticate"): lambda account, intent, _: setup_intents.authenticated(
        account, intent, True
    ),
    ("setup_intent", "fail_authentication"): lambda account, intent, _: setup_intents.authenticated(
        account, intent, False
    ),
    ("payment_method", "renew"): payment_methods.renew,
    ("payment_method", "become"): payment_methods.become,
    ("checkout.session", "expire"): lambda account, session, _: checkout_sessions.expire(
        account, {}, session["id"]
    ),
}


def act(stripe: Stripe, object_id: str, action: str, body: Json) -> Json:
    """Perform a test action on any account's object. Returns the object that the action created, or
    else the changed object.
    """
    perform = ACTIONS.get((kind_of(object_id) or "", action))
    if perform is None:
        known = ", ".join(f"{kind}/{name}" for kind, name in ACTIONS)
        raise unexpected(f"Cannot {action} {object_id}. Known: {known}")
    with stripe.shared.lock:
        account, subject = owner_of(stripe, object_id)
        made = perform(account, subject, body)
        return made if isinstance(made, dict) else subject


def owner_of(stripe: Stripe, object_id: str) -> tuple[Account, Json]:
    """Return the account an object belongs to, and the object; raises ``ApiError`` if
    none has it.
    """
    for account in stripe.accounts.values():
        found = account.find(object_id)
        if found:
            return account, found
    raise unexpected(f"No such object in any account: {object_id}")
