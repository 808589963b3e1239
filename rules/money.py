"""Amounts: always whole minor units and a currency code, never floats.

Exponents follow ISO 4217, except where Stripe differs: ISK and UGX no longer have a minor unit, but
are sent times 100.
"""

import re
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency

CENTS = 2
_CODE = re.compile(r"(?<=[A-Za-z])(?=\d)")  # the place between a code, such as KWD, and digits
MOST = 999_999_999_999  # minor units that Stripe charges in any currency
ZERO_DECIMAL = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# The currencies that Stripe can charge, from docs.stripe.com/currencies ("Supported presentment
# currencies"); some are limited to certain countries.
_TWO_DECIMAL = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad"
    " cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl"
    " htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop"
    " mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar"
    " sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst"
    " xcd xcg yer zar zmw"
)
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | frozenset(_TWO_DECIMAL.split())
# docs.stripe.com/currencies, "Special cases" and "Three-decimal currencies": in these, an amount in
# minor units must end in 00, or in 0
_STEPS = {"isk": 100, "ugx": 100} | dict.fromkeys(THREE_DECIMAL, 10)
# docs.stripe.com/currencies, "Minimum charge amount by currency", in minor units; in other
# currencies Stripe applies the minimum after conversion to the account's own
_MINIMUM = {
    "aed": 200,
    "ars": 50,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "cop": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17_500,
    "idr": 50,
    "ils": 50,
    "inr": 50,
    "jpy": 50,
    "krw": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "php": 50,
    "pln": 200,
    "ron": 200,
    "rub": 50,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
    "zar": 50,
}
# docs.stripe.com/currencies, "Maximum charge amounts", in minor units: what every payment method
# takes; networks take more by card in some currencies, and banks mostly less
_MAXIMUM = {"idr": MOST, "cop": 9_999_999_999, "inr": 999_999_999}
_USUAL_MAXIMUM = 99_999_999


def exponent(currency: str) -> int:
    """The number of decimal places of Stripe's minor unit of `currency`: 0, 2 or 3."""
    code = currency.lower()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """The number of minor units that an amount in `currency` must be a multiple of."""
    return _STEPS.get(currency.lower(), 1)


def least(currency: str) -> int:
    """The smallest amount, in minor units, that Stripe charges in `currency`."""
    return _MINIMUM.get(currency.lower(), step(currency))


def most(currency: str) -> int:
    """The largest amount, in minor units, that Stripe charges in `currency` whatever the payment
    method.
    """
    return _MAXIMUM.get(currency.lower(), _USUAL_MAXIMUM)


def unchargeable(amount: int, currency: str) -> str:
    """Why `amount`, in minor units, cannot be charged, naming the step, the minimum or the maximum;
    empty if it can.
    """
    code = currency.upper()
    shown = f"{to_major(amount, currency):f} {code}"
    if amount % step(currency):
        return f"{shown} cannot be charged: Stripe takes {code} in steps of {_step(currency)}"
    if amount < least(currency):
        lowest = to_major(least(currency), currency)
        return f"{shown} is less than {lowest:f} {code}, the least that Stripe charges"
    return too_much(amount, currency)


def too_much(amount: int, currency: str) -> str:
    """Why `amount`, in minor units, is larger than any that is charged or recorded here; empty if
    it is not.
    """
    if amount <= most(currency):
        return ""
    code, highest = currency.upper(), to_major(most(currency), currency)
    return (
        f"{to_major(amount, currency):f} {code} is more than {highest:f} {code}, the most that is"
        " taken here"
    )


def no_fee(amount: int, currency: str) -> str:
    """Why a setup fee of `amount`, in minor units, cannot be charged; empty if it can, or
    is zero.
    """
    if not amount:
        return ""
    if currency not in CURRENCIES:
        return f"{currency} is not a currency that Stripe accepts"
    return unchargeable(amount, currency)


def not_in_steps(amount: int, currency: str) -> str:
    """Why an amount, in minor units, that has no minimum, such as a refund's, cannot be sent to
    Stripe; empty if it can.
    """
    return unchargeable(amount, currency) if amount % step(currency) else ""


def no_such_coin(amount: int, currency: str) -> str:
    """Why an amount, in minor units, cannot have been paid in cash: the currency no longer has a
    unit that small. Empty if it can: a dinar has thousandths, though Stripe does not accept them.
    """
    if exponent(currency) == CENTS and amount % step(currency):
        return f"{to_major(amount, currency):f} {currency.upper()} has a part that does not exist"
    return ""


def _step(currency: str) -> str:
    return f"{to_major(step(currency), currency).normalize():f}"


def to_major(amount: int, currency: str) -> Decimal:
    """Convert minor units to the currency's main unit: 1050 usd is Decimal('10.50')."""
    return Decimal(amount).scaleb(-exponent(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """Convert an amount in the currency's main unit to minor units. Raises ValueError if it has too
    many decimal places.
    """
    scaled = amount.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more decimal places than {currency.upper()} has.")
    return int(scaled)


def load_formats() -> None:
    """Load what formatting an English amount takes, some 4 MiB: before a fork, its children share
    it.
    """
    in_words(0, "usd", "en_US")


@lru_cache(maxsize=1024)  # the same bill is requested many times
def in_words(amount: int, currency: str, locale: str) -> str:
    """Format minor units for `locale`, with plain spaces, which every phone's alphabet has: 1050
    usd is $10.50.
    """
    # CLDR omits the cents of currencies that rarely use them (rsd), but they may be owed
    shown: str = format_currency(
        to_major(amount, currency),
        currency.upper(),
        locale=locale,
        currency_digits=exponent(currency) != CENTS,
    )
    # Babel omits the space that CLDR puts between letters and digits
    return _CODE.sub(" ", shown.replace("\u00a0", " ").replace("\u202f", " "))
