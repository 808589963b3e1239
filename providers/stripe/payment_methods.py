"""Stripe's PaymentMethods: a clinic's saved card."""

from dataclasses import dataclass

from providers.errors import ProviderError
from providers.stripe.client import MISSING, Json, client, mapped_errors, options, plain
from rules.stripe_event_types import id_in
from rules.stripe_mode import mode_it_exists_in, mode_of

MONTHS = 12
FIRST_YEAR, LAST_YEAR = 2000, 9000


def get_payment_method(payment_method_id: str) -> Json | None:
    """Fetch a payment method of the platform's account in its current state; None if it does not
    exist.

    Raises ProviderError, naming the mode, if it exists in the other mode: it is not gone.
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
    """A card saved at Stripe. `customer_id` is empty once the card is detached; `mode` is live or
    test, empty if unknown.
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
    """Read a payment method as a card; None if it is of another kind or malformed."""
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
    """Fetch the card with this id in its current state; None if it does not exist. Raises
    ProviderError.
    """
    method = get_payment_method(payment_method_id)
    return read_card(method) if method is not None else None
