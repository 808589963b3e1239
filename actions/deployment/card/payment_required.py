"""The single guard before anything that costs money: a verified card that has not expired.

Deploy, the purchase of a number and a retry all ask it. The step that charges asks again, because
days can pass in between.
"""

from enum import Enum

from models.deployment.setup import Setup
from rules.deployment.cards import EXPIRED, OTHER_MODE
from runtime.errors import Refused


class PaidRequest(Enum):
    """Where a clinic requests something that costs money, and its message without a card."""

    DEPLOY = "Payment method required. Please add a payment method before deploying."
    PURCHASE = "Payment method required"
    RETRY = "Payment method required. Please add a payment method before trying again."


def require_payment_method(account_id: str, request: PaidRequest) -> Setup:
    """Return the account's setup with a chargeable card, locked until the transaction ends. Raises
    Refused `payment_method_required`.

    Call it in the transaction that decides.
    """
    setup = Setup.locked_or_none(account_id)
    if setup is None or not setup.may_pay:
        raise payment_required(setup, request)
    return setup


def payment_required(setup: Setup | None, request: PaidRequest) -> Refused:
    """Return the refusal with the request's message. If there was a card that is no longer good,
    that message is the title and the reason is the detail.
    """
    why = why_card_not_chargeable(setup)
    if not why:
        return Refused("payment_method_required", request.value)
    return Refused("payment_method_required", why, title=request.value)


def why_card_not_chargeable(setup: Setup | None) -> str:
    """Return why a card that was verified no longer is; empty if there was none."""
    if setup is None:
        return ""
    if setup.payment_method_verified and not setup.may_pay:
        return OTHER_MODE if setup.is_of_other_mode else EXPIRED  # since it was last read
    return setup.card_problem
