"""Amounts as clinics' programs write them: read in the only possible way, or refused with every
reading.
"""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.imports.csv_amounts import Signs, currency_beside, read_amount, refuse_unchargeable
from rules.imports.csv_cells import BadCell


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1250", "usd", 125_000),
        ("1,250.00", "usd", 125_000),
        ("1.250,00", "eur", 125_000),  # Germany, Spain
        ("10,50", "eur", 1_050),
        ("1 250,00", "eur", 125_000),
        ("1\u00a0250,00", "eur", 125_000),  # France, no-break
        ("1\u202f250,00", "eur", 125_000),  # France since Unicode 8, narrow no-break
        ("1\u2009250.00", "usd", 125_000),
        ("1'250.00", "chf", 125_000),  # Switzerland
        ("1’250.00", "chf", 125_000),
        ("1'250.–", "chf", 125_000),
        ("1,28,500.00", "inr", 12_850_000),  # India: a lakh
        ("1,28,500", "inr", 12_850_000),
        ("12,34,567.89", "inr", 123_456_789),
        ("1.234.567", "eur", 123_456_700),
        ("1,234,567", "usd", 123_456_700),
        ("0.500", "usd", 50),  # a number with thousands does not begin with a zero
        ("1234.500", "usd", 123_450),  # nor has it four digits before the first separator
        ("1,234.500", "usd", 123_450),
        (".75", "usd", 75),
        ("500", "jpy", 500),
        ("5.120", "kwd", 5_120),  # KWD has three decimal places
        ("$85.00", "usd", 8_500),
        ("$ 85.00", "cad", 8_500),
        ("US$85.00", "usd", 8_500),
        ("85,00 €", "eur", 8_500),
        ("USD 1,250.00", "usd", 125_000),
        ("1,250.00 usd", "usd", 125_000),
        ("$1,250.00 USD", "usd", 125_000),
        ("Rs. 1,28,500.00", "inr", 12_850_000),
        ("CHF 1'250.00", "chf", 125_000),
        ("kr 85,00", "sek", 8_500),
        ("+85.00", "usd", 8_500),
        ("85.00 DR", "usd", 8_500),
        ("\u200e85.00", "usd", 8_500),
        ("-85.00", "usd", -8_500),
        ("85.00-", "usd", -8_500),
        ("−85.00", "usd", -8_500),  # U+2212
        ("(85.00)", "usd", -8_500),
        ("($1,250.00)", "usd", -125_000),
        ("-$85.00", "usd", -8_500),
        ("$-85.00", "usd", -8_500),
        ("85.00 CR", "usd", -8_500),
    ],
)
def test_an_unambiguous_amount_is_read(text, currency, minor):
    assert read_amount(text, currency, Signs()) == minor


@pytest.mark.parametrize(
    ("text", "currency", "said", "small", "large"),
    [
        ("1.000", "usd", Signs(), "1.00 USD", "1,000.00 USD"),
        ("2.500", "eur", Signs(), "2.50 EUR", "2,500.00 EUR"),
        ("10.000", "jpy", Signs(), "10 JPY", "10,000 JPY"),
        ("1,000", "eur", Signs(), "1.00 EUR", "1,000.00 EUR"),
        ("1,000", "eur", Signs(decimal="comma"), "1.00 EUR", "1,000.00 EUR"),
        ("1.000", "usd", Signs(decimal="point"), "1.00 USD", "1,000.00 USD"),
        ("12,345", "usd", Signs(), "12.345 USD", "12,345.00 USD"),
        ("1,000", "kwd", Signs(), "1.000 KWD", "1,000.000 KWD"),
        ("$1.000", "usd", Signs(), "1.00 USD", "1,000.00 USD"),
        ("(1.000)", "usd", Signs(), "1.00 USD", "1,000.00 USD"),
    ],
)
def test_three_digits_after_a_separator_are_refused_with_both_readings(
    text, currency, said, small, large
):
    with pytest.raises(BadCell) as refused:
        read_amount(text, currency, said)
    sign = "point" if "." in text else "comma"
    assert f"{small} with --thousands none" in str(refused.value)
    assert f"{large} with --thousands {sign}" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "currency", "said", "minor"),
    [
        ("1.000", "usd", Signs(thousands="point"), 100_000),
        ("1.000", "usd", Signs(thousands="none"), 100),
        ("1.000", "usd", Signs(thousands="comma"), 100),
        ("1.000", "eur", Signs(decimal="comma"), 100_000),
        ("1,000", "usd", Signs(decimal="point"), 100_000),
        ("1,000", "eur", Signs(decimal="comma", thousands="none"), 100),
        ("1,000", "eur", Signs(decimal="comma", thousands="point"), 100),
        ("10.000", "jpy", Signs(thousands="point"), 10_000),
        ("1.234,50", "eur", Signs(decimal="comma"), 123_450),
        ("10.50", "usd", Signs(decimal="point"), 1_050),
    ],
)
def test_a_switch_resolves_an_ambiguous_amount(text, currency, said, minor):
    assert read_amount(text, currency, said) == minor


@pytest.mark.parametrize(
    ("text", "currency", "said", "told"),
    [
        ("", "usd", Signs(), "is empty"),
        ("ten", "usd", Signs(), "'ten' is not an amount such as 1234.50"),
        ("1e3", "usd", Signs(), "is not an amount"),
        ("1,,000", "usd", Signs(), "is not an amount"),
        ("1,00,00", "usd", Signs(), "is not an amount"),
        ("5-10", "usd", Signs(), "is not an amount"),
        ("(-5)", "usd", Signs(), "is not an amount"),
        ("٣٠", "usd", Signs(), "is not an amount"),
        ("10.505", "usd", Signs(thousands="none"), "more decimal places than USD has"),
        ("1,234.567", "usd", Signs(), "more decimal places than USD has"),
        ("10.50", "jpy", Signs(), "more decimal places than JPY has"),
        ("EUR 10.00", "usd", Signs(), "is not in USD, the currency of its row"),
        ("10,00 €", "usd", Signs(), "is not in USD"),
        ("£10.00", "usd", Signs(), "is not in USD"),
        ("10.00 apples", "usd", Signs(), "is not an amount"),
        ("1.234,50", "eur", Signs(decimal="point"), "1,234.50 EUR with --decimal comma"),
        ("10.50", "usd", Signs(decimal="comma"), "10.50 USD with --decimal point"),
    ],
)
def test_an_unreadable_amount_is_refused_with_what_to_do(text, currency, said, told):
    with pytest.raises(BadCell, match=r"\w") as refused:
        read_amount(text, currency, said)
    assert told in str(refused.value)


@given(
    st.integers(0, 99_999_999), st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")])
)
def test_an_amount_with_cents_is_read_with_any_usual_separators(minor, signs):
    """Given any usual separators of thousands and decimals, then an amount with two decimals is
    read.
    """
    thousands, decimal = signs
    text = f"{Decimal(minor) / 100:,.2f}".replace(",", "T").replace(".", "D")
    text = text.replace("T", thousands).replace("D", decimal)
    assert read_amount(text, "eur", Signs()) == minor


@given(
    st.text("0123456789.,' -+()$€CRx\u00a0", max_size=14) | st.text(max_size=20),
    st.sampled_from(["usd", "jpy", "kwd"]),
    st.builds(Signs, st.sampled_from(["", "point", "comma"]), st.sampled_from(["", "none"])),
)
def test_any_text_is_read_or_refused_with_bad_cell(text, currency, said):
    """Given any text, then it is read or refused with BadCell, and nothing else is raised."""
    with suppress(BadCell):
        assert isinstance(read_amount(text, currency, said), int)


@pytest.mark.parametrize(
    ("minor", "currency", "told"),
    [
        (1_050, "ugx", "Stripe takes UGX in steps of 1;"),
        (80_050, "isk", "Stripe takes ISK in steps of 1;"),
        (5_125, "kwd", "Stripe takes KWD in steps of 0.01;"),
        (30, "usd", "is less than 0.50 USD, the least"),
        (49, "jpy", "is less than 50 JPY, the least"),
        (100_000_000, "usd", "is more than 999999.99 USD, the most that is taken here"),
    ],
)
def test_an_amount_stripe_cannot_charge_is_refused_with_the_step_or_minimum(minor, currency, told):
    with pytest.raises(BadCell) as refused:
        refuse_unchargeable(minor, currency)
    assert told in str(refused.value)


def test_the_minimum_and_whole_steps_are_chargeable():
    for minor, currency in ((50, "usd"), (1_000, "ugx"), (5_120, "kwd"), (50, "jpy")):
        refuse_unchargeable(minor, currency)


def test_an_amount_may_contain_its_currency():
    """By a code, or by a symbol that only one currency has; a dollar sign is ambiguous."""
    named = {text: currency_beside(text) for text in ("EUR 5", "5 €", "$5", "US$5", "5", "x 5")}
    assert named == {"EUR 5": "eur", "5 €": "eur", "$5": "", "US$5": "usd", "5": "", "x 5": ""}
