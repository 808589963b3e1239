"""Monthly prices of numbers, from Twilio's current price list. Nothing is cached here: a frequent
caller caches the answer.
"""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import Any

from providers.errors import ProviderError
from providers.twilio.client import client, mapped_errors, word
from providers.twilio.refusals import NOT_FOUND
from rules.money import exponent


@dataclass(frozen=True, slots=True)
class Price:
    """`amount` per month, in minor units of `currency`."""

    amount: int
    currency: str


# monthly price of an emergency address: twilio.com/en-us/voice/pricing/us, "Emergency calling", and
# twilio.com/docs/voice/tutorials/emergency-calling-for-programmable-voice; no API gives it
EMERGENCY_ADDRESS = Price(75, "usd")


def monthly_number_price(country: str = "US") -> Price | None:
    """The price of a local number in `country`, rounded up to a whole minor unit; None if Twilio
    sells none there.
    """
    try:
        with mapped_errors():
            listed = client().pricing.v1.phone_numbers.countries(country).fetch()
            currency = word(listed.price_unit).lower()
            prices: Any = listed.phone_number_prices
            local = [each for each in prices if each["number_type"] == "local"]
            return _price(local[0]["current_price"], currency) if local else None
    except ProviderError as error:
        if error.code == NOT_FOUND:
            return None
        raise


def _price(price: object, currency: str) -> Price:
    """Convert a decimal in the currency's main unit, given as text or number. Raises ValueError if
    it is no price.
    """
    try:
        minor = Decimal(str(price)).scaleb(exponent(currency))
        return Price(int(minor.to_integral_value(ROUND_UP)), currency)
    except (InvalidOperation, OverflowError) as error:
        raise ValueError("a price that is not a number") from error
