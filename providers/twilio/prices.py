"""What numbers cost a month, as Twilio's price list has it now. Nothing is kept here: whoever asks
often keeps the answer.
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
    """`amount` in minor units of `currency`, a month."""

    amount: int
    currency: str


# a number's emergency address, a month: twilio.com/en-us/voice/pricing/us, "Emergency calling", and
# twilio.com/docs/voice/tutorials/emergency-calling-for-programmable-voice; no API tells it
EMERGENCY_ADDRESS = Price(75, "usd")


def monthly_number_price(country: str = "US") -> Price | None:
    """What a local number in `country` costs; None where Twilio sells none. A part of the smallest
    coin counts as a whole one.
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
    """A decimal of the currency's unit, written as a text or a number. Raises ValueError for what
    is no price.
    """
    try:
        minor = Decimal(str(price)).scaleb(exponent(currency))
        return Price(int(minor.to_integral_value(ROUND_UP)), currency)
    except (InvalidOperation, OverflowError) as error:
        raise ValueError("a price that is no number") from error
