"""Stripe's PaymentMethods: the card that a clinic has saved."""

from dataclasses import dataclass

from providers.errors import ProviderError
from providers.stripe.client import MISSING, Json, client, mapped_errors, options, plain
from rules.stripe_event_types import id_in
from rules.stripe_mode import mode_it_exists_in, mode_of

MONTHS = 12
FIRST_YEAR, LAST_YEAR = 2000, 9000


def get_payment_method(payment_method_id: str) -> Json | None:
    """A payment method of the platform's account in its present state; None when there is none.

    One that exists in the other mode is not gone: Raises ProviderError, which tells the mode.
    """
    try:
        with mapped_errors():
            methods = client().v1.payment_methods
            return plain(methods.retrieve(payment_method_id, None, options("")))
    except ProviderError as error:
        if error.code != MISSING or mode_it_exists_in(str(error)):
            raise
        return None


@dataclass(frozen=True, slots=True)
class SavedCard:
    """What a card that Stripe keeps shows of itself. `customer_id` is empty once it is detached;
    `mode`: live or test, empty if it does not tell.
    """

    id: str
    customer_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    mode: str


def read_card(method: Json) -> SavedCard | None:
    """The card that a payment method is; None for one of another kind or shape."""
    card = method.get("card")
    if not isinstance(card, dict):
        return None
    month, year = card.get("exp_month"), card.get("exp_year")
    if type(month) is not int or type(year) is not int or not (1 <= month <= MONTHS):
        return None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    words = (card.get(name) for name in ("brand", "last4", "fingerprint"))
    brand, last4, fingerprint = (word if isinstance(word, str) else "" for word in words)
    owner = id_in(method.get("customer"))
    shown = (owner, brand[:40], last4[:4], month, year, fingerprint[:100])
    return SavedCard(method["id"], *shown, mode_of(method))


def find_card(payment_method_id: str) -> SavedCard | None:
    """The card of this id as it is now; None when there is none. Raises ProviderError."""
    method = get_payment_method(payment_method_id)
    return read_card(method) if method is not None else None
