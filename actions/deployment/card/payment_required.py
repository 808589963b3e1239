"""The one guard before whatever spends: a verified card that has not expired, or nothing happens.

Every door asks it: Deploy, the purchase of a number, a retry; and the step that charges
asks once more, for days may lie between.
"""

from enum import Enum

from models.deployment.setup import Setup
from rules.deployment.cards import EXPIRED, OTHER_MODE
from runtime.errors import Refused


class Door(Enum):
    """Where a clinic asks for something that costs, and what it is told without a card."""

    DEPLOY = "Payment method required. Please add a payment method before deploying."
    PURCHASE = "Payment method required"
    RETRY = "Payment method required. Please add a payment method before trying again."


def require_payment_method(account_id: str, door: Door) -> Setup:
    """The account's setup, whose card may be charged, locked until the transaction ends. Raises
    Refused `payment_method_required`.

    Ask within the transaction that decides.
    """
    setup = Setup.locked_if_there(account_id)
    if setup is None or not setup.may_pay:
        raise payment_required(setup, door)
    return setup


def payment_required(setup: Setup | None, door: Door) -> Refused:
    """The refusal in the words of the door. Where a card was there and is not good any more, those
    are the title, and why is the detail.
    """
    why = why_not(setup)
    if not why:
        return Refused("payment_method_required", door.value)
    return Refused("payment_method_required", why, title=door.value)


def why_not(setup: Setup | None) -> str:
    """Why a card that was verified is not any more; empty where there was none."""
    if setup is None:
        return ""
    if setup.payment_method_verified and not setup.may_pay:
        return OTHER_MODE if setup.is_of_other_mode else EXPIRED  # since the last look at it
    return setup.card_problem
