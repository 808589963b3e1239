"""Amounts as Stripe takes them: integer minor units within a currency's bounds."""

import re

from sandbox.stripe.errors import invalid

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
WHOLE_UNITS = frozenset({"isk", "ugx"})
CODE = re.compile("[a-z]{3}")
LARGEST = {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}
USUALLY_LARGEST = 99_999_999
SMALLEST = {
    "usd": 50,
    "eur": 50,
    "cad": 50,
    "aud": 50,
    "chf": 50,
    "gbp": 30,
    "jpy": 50,
    "sek": 300,
    "nok": 300,
    "dkk": 250,
    "mxn": 1000,
}


def currency_code(given: str) -> str:
    """Check a currency code and return it in lower case."""
    code = given.lower()
    if not CODE.fullmatch(code):
        raise invalid(f"Invalid currency: {given}", param="currency")
    return code


def check_amount(amount: int, currency: str, param: str = "amount") -> int:
    """Check an amount to pay, against Stripe's minimum and maximum for the currencies listed."""
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            param=param,
            code="parameter_invalid_integer",
        )
    largest = LARGEST.get(currency, USUALLY_LARGEST)
    if amount > largest:
        raise invalid(
            f"Amount must be no more than {largest}.", param=param, code="amount_too_large"
        )
    if amount < SMALLEST.get(currency, 1):
        raise invalid(
            f"Amount is below the smallest for {currency}.", param=param, code="amount_too_small"
        )
    _check_steps(amount, currency, param)
    return amount


def _check_steps(amount: int, currency: str, param: str) -> None:
    """Check that the amount is a multiple of the step that some currencies require."""
    step = 100 if currency in WHOLE_UNITS else 10 if currency in THREE_DECIMAL else 1
    if amount % step:
        raise invalid(f"Amounts in {currency} must be a multiple of {step}.", param=param)


def shown(amount: int, currency: str) -> str:
    """Format an amount for display: ``USD 12.50``, ``JPY 1,200``."""
    digits = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    whole, rest = divmod(abs(amount), 10**digits)
    text = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    return f"{currency.upper()} {'−' if amount < 0 else ''}{text}"
