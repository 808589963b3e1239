"""A phone number is read as one number or refused with the reason; fictitious ones pass."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.contact.phones import ACCEPTED, BadPhone, read_phone

# Numbers as people, address books and other programs write them, and how they are read.
UNDERSTOOD = [
    ("(650) 253-0000", "+16502530000"),
    ("650.253.0000", "+16502530000"),
    ("650 / 253-0000", "+16502530000"),
    ("6502530000", "+16502530000"),
    ("1 650 253 0000", "+16502530000"),
    ("+1 (650) 253-0000", "+16502530000"),
    ("(+1) 650 253 0000", "+16502530000"),
    ("tel:+1-650-253-0000", "+16502530000"),  # RFC 3966
    ("650\u2013253\u20130000", "+16502530000"),
    ("650\u00a0253\u00a00000", "+16502530000"),
    ("\u202a+1 650-253-0000\u202c", "+16502530000"),  # as Apple's and Google's contacts copy it
    ("+1\u200b650\ufeff2530000", "+16502530000"),
    ("＋１（６５０）２５３－００００", "+16502530000"),
    ("+١٦٥٠٢٥٣٠٠٠٠", "+16502530000"),
    ("+44 (0)20 7946 0958", "+442079460958"),
    ("011 44 20 7946 0958", "+442079460958"),
    ("+39 06 1234 5678", "+390612345678"),  # Italy keeps its zero
    ("+1 202 555 0123", "+12025550123"),  # 555-01XX: reserved for fiction
    ("+1 800 555 0123", "+18005550123"),
    ("+15005550006", "+15005550006"),  # Twilio's own, for its test credentials
    ("+15005553003", "+15005553003"),  # the stand-in's, for a failed delivery
]
# Reasons for a refusal, with numbers. The first seven are from a clinic's file; similar ones
# are in daviddrysdale/python-phonenumbers' and google/libphonenumber's threads.
REFUSED = [
    ("extension", "+16502530000 x136"),
    ("extension", "650-253-0000 ext."),
    ("area code", "253-0000"),
    ("letters", "1-800-FLOWERS"),
    ("extension", "+49 30 1234567 ext."),
    ("not in any range", "000-000-0000"),
    ("letters", "253-0142 mom"),
    ("extension", "+1 (202) 555-0123 ext. 5"),
    ("extension", "+12025550123x5"),
    ("extension", "+1 202 555 0123 #5"),
    ("extension", "202-555-0123,,5"),
    ("extension", "tel:+12025550123;ext=5"),
    ("extension", "+1 202 555 0123 доб. 5"),
    ("extension", "253-4142 136"),
    ("extension", "+1 253-4142 136"),
    ("area code", "tel:253-0000"),
    ("letters", "+1 202 555 O123"),
    ("letters", "cell: 202-555-0123"),
    ("letters", "650 253 0000 or 650 253 0001"),
    ("letters", "whatsapp:+12025550123"),
    ("letters", "sip:+12025550123"),
    ("letters", "anonymous"),
    ("emergency", "911"),
    ("emergency", "112"),
    ("emergency", "+1 911"),
    ("short", "988"),
    ("short", "+1 411"),
    ("short", "72975"),
    ("premium", "+19005550123"),
    ("premium", "1-900-555-0123"),
    ("premium", "+1 212 976 1234"),
    ("premium", "+448712345678"),
    ("premium", "+979123456789"),
    ("follow-me", "+15335551234"),
    ("follow-me", "+15006661234"),
    ("follow-me", "+447012345678"),
    ("directory assistance", "+1 212 555 1212"),
    ("service", "+12029111234"),
    ("plus sign", "++12025550123"),
    ("plus sign", "+1+2025550123"),
    ("plus sign", "+12025550123 +12025550124"),
    ("plus sign", "1+2025550123"),
    ("begins with 00", "0044 20 7946 0958"),
    ("country code", "+0044 20 7946 0958"),
    ("country code", "+999123456789"),
    ("too long", "442079460958"),
    ("too long", "+1 202 555 01234"),
    ("too long", "2025550123.0"),  # a spreadsheet's number, read as a decimal
    ("digits", "2025550123 / 2025550124"),
    ("too many digits", "+1 1 202 555 0123"),
    ("too short", "+1202444012"),
    ("not in any range", "+1 555 555 5555"),
    ("not in any range", "123-456-7890"),
    ("not in any range", "+1 222 222 2222"),
    ("not in any range", "+447700900123"),  # reserved for drama by Ofcom
    ("scientific", "1.2025550123E+10"),
    ("separator", "-2025550123"),
    ("U+002A", "*67 202 555 0123"),
    ("U+202E", "\u202e+12025550123"),  # right-to-left override: shown in another order than stored
    ("U+00B2", "+1202555012²"),
    ("no country", "+881612345678"),  # Iridium
    ("no country", "+870773123456"),  # Inmarsat
    ("no country", "+8821612345678"),  # a target of toll fraud
    ("no country", "+883510012345678"),
    ("no country", "+878101234567890"),
    ("no country", "+80012345678"),
    ("no digits", ""),
    ("no digits", "+"),
    ("no digits", "()-"),
]


@pytest.mark.parametrize(("text", "number"), UNDERSTOOD)
def test_a_phone_number_is_read_as_one_e164_number(text, number):
    assert read_phone(text) == number
    assert read_phone(number) == number


@pytest.mark.parametrize(("why", "text"), REFUSED)
def test_an_invalid_phone_number_is_refused_with_the_reason_and_what_to_do(why, text):
    with pytest.raises(BadPhone, match=why.replace("+", r"\+")) as refused:
        read_phone(text)
    wrong, accepted, todo = str(refused.value).split("; ", 2)
    assert accepted == ACCEPTED
    assert wrong
    assert todo


def test_the_region_decides_how_a_number_without_country_code_is_read():
    """Given a German file, then 030 is Berlin and 00 the international prefix."""
    assert read_phone("030 1234567", "DE") == "+49301234567"
    assert read_phone("0044 20 7946 0958", "DE") == "+442079460958"
    with pytest.raises(BadPhone, match="not in any range"):
        read_phone("030 123 4567", "US")


@given(st.text(max_size=40), st.sampled_from(["US", "DE", "MX"]))
def test_any_text_is_read_as_one_number_or_refused(text, region):
    number = ""
    with contextlib.suppress(BadPhone):
        number = read_phone(text, region)
    assert not number or read_phone(number) == number


@pytest.mark.parametrize(("_why", "text"), REFUSED)
def test_a_refusal_does_not_repeat_the_phone_number(_why, text):
    """Messages go to logs, so they do not contain the customer's number."""
    with pytest.raises(BadPhone) as refused:
        read_phone(text)
    assert len(text) <= 3 or text not in str(refused.value)


@given(st.sampled_from(UNDERSTOOD), st.characters(categories=["L"]), st.integers(0, 40))
def test_a_letter_anywhere_is_never_read_as_a_digit(pair, letter, place):
    text = pair[0]
    with pytest.raises(BadPhone):
        read_phone(text[:place] + letter + text[place:])
