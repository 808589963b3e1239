"""The price list of phone numbers (pricing.twilio.com)."""

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, missing
from sandbox.twilio.parameters import Form

NAMES = {"US": "United States", "CA": "Canada", "GB": "United Kingdom"}
TOLL_FREE = "2.15"


def retrieve(books: Books, account: str, form: Form, country: str) -> Json:
    """``GET /v1/PhoneNumbers/Countries/{IsoCountry}``, in US dollars a month."""
    if country not in books.prices:
        raise missing(f"/v1/PhoneNumbers/Countries/{country}")
    prices = {"local": books.prices[country], "toll free": TOLL_FREE}
    return {
        "country": NAMES.get(country, country),
        "iso_country": country,
        "phone_number_prices": [
            {"number_type": kind, "base_price": price, "current_price": price}
            for kind, price in prices.items()
        ],
        "price_unit": "USD",
        "url": f"https://pricing.twilio.com/v1/PhoneNumbers/Countries/{country}",
    }
