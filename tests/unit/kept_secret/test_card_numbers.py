"""Card numbers are found however they are written, and nothing else is (F55)."""

import hashlib
import json
import re
import unicodedata
from uuid import UUID

import phonenumbers
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rules.cards.card_documents import card_fields, redacted_document, redacted_json
from rules.cards.card_numbers import (
    REDACTED,
    has_bare_card_number,
    has_card_number,
    is_card_number,
    redact,
)
from rules.cards.plain_digits import digit_places, plain_text
from runtime.ids import new_id, new_token
from tests.samples.card_samples import card_digits, check_digit, phones, prefixed_ids, written_cards


def is_valid_phone(written: str) -> bool:
    """Whether these digits, of whatever script, are an international phone number."""
    digits = "".join(
        str(unicodedata.digit(char))
        for char in written
        if unicodedata.digit(char, None) is not None
    )
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}", None))
    except phonenumbers.NumberParseException:
        return False


VISA = "4242424242424242"
times = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
fields = settings(max_examples=300)


@fields
@given(
    written_cards(),
    st.sampled_from(["", "card: ", "(", "x", "+", "12 ", "tel +12025550123, "]),
    st.sampled_from(["", " 12/27", " 123", ")", "y", "."]),
)
def test_a_written_card_number_is_found_and_redacted(card, before, after):
    text = before + card + after
    assume(not (before == "+" and is_valid_phone(card)))  # a phone number is left as it is
    assert has_card_number(text)
    assert REDACTED in redact(text)
    assert not has_card_number(redact(text))


@fields
@given(
    card_digits(),
    st.sampled_from(
        ["notes", "name", "project", "amount", "email", "externalId", "reference", "x"]
    ),
)
def test_a_card_number_is_found_in_any_field_but_phones_and_times(digits, name):
    assert card_fields({name: digits}) == [name]
    assert card_fields({name: int(digits)}) == [name]
    assert card_fields({"deep": [{name: f"{digits[:4]}-{digits[4:]}"}]}) == [f"deep.0.{name}"]
    assert len(card_fields({digits: "value"})) == 1


def test_the_digest_in_a_twilio_report_is_no_card_number():
    """One digest in eight hundred contains digits that could be a card number, and Twilio's report
    with it was once refused.
    """
    digest = "3c69a9134db3d6f6c5b5f164e3c16c5071781963927bbef848caee1a9d85e6ff"
    assert card_fields({"bodySHA256": digest}) == []
    assert card_fields({"bodySHA256": VISA}) == ["bodySHA256"]


@pytest.mark.slow
@fields
@given(
    phones(),
    times,
    st.integers(0, 4_102_444_800),
    st.integers(-99_999_999, 99_999_999),
    prefixed_ids(),
)
@example("+4915123456789", "2026-11-22T08:15:30.123456Z", 1_795_334_400, 12_500, f"pi_{VISA}")
def test_phones_times_amounts_and_ids_are_no_card_numbers(phone, time, unix, amount, provider_id):
    document = {
        "phone": phone,
        "phoneNumber": phone,
        "from": phone,
        "to": phone,
        "receivedAt": time,
        "givenAt": unix,
        "created": unix * 1000,
        "promisedFor": time[:10],
        "dueDate": time[:10],
        "amount": amount,
        "amountDue": abs(amount),
        "id": provider_id,
        "paymentIntentId": provider_id,
        "customerId": new_id("cu"),
        "reference": provider_id,
        "token": new_token(),
        "bodySHA256": hashlib.sha256(provider_id.encode()).hexdigest(),
        "startingAfter": new_id("inv"),
    }
    assert card_fields(document) == []


@fields
@given(st.uuids(), times, st.integers(1_000_000_000_000, 3_999_999_999_999))
@example(UUID("50258329-0838-4874-b30d-900f658d992d"), "2026-11-30", 1_790_000_000_000)
def test_uuids_and_times_in_free_text_are_no_card_numbers(uuid, time, millis):
    assert not has_bare_card_number(str(uuid))
    assert not has_bare_card_number(f"https://hooks.example.com/in/{str(uuid).upper()}?v=1")
    assert has_bare_card_number(f"{uuid}-4242-4242-4242-4242")
    assert not has_card_number(f"at {time}")
    assert not has_card_number(
        f"since {millis if str(millis)[0] not in '23' else 1_795_334_400_000} ms"
    )


UNSEEN = (
    "\ufe0e\ufe0f\ufe00\u034f\u115f\u1160\u3164\uffa0\u2800\u180b\u180e\u180f\u17b4\u17b5"
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2064\u2065\u2066\u2069\u206f\ufeff\u00ad"
    "\u061c\ufff0\ufff9\u0300\u0336\u20dd\u20e3\u0903\u0e31"
    "\U0001bca0\U0001d173\U000e0001\U000e0030\U000e007f\U000e0100\U000e01ef\U000e0fff"
    "\x00\x01\x07\x08\x0e\x1a\x1b\x1f\x7f\x80\x9f"
)
LINE_BREAKS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
LINE_BREAKS += [" \n", "\n\n", "\n  ", "\t\r\n\t"]
LOOKS = ["\u2000", "\u202f", "\u3000", "\u1680", "\u2010", "\u2015", "\u2212", "\u00b7", "\u2022"]
# usual and unusual ways to place a separator
WRITTEN = ["{0}", "{0}{0}", "{0} ", " {0}", "{0} {0}", "{0}-", "-{0}"]


@pytest.mark.parametrize("unseen", UNSEEN, ids=[f"U+{ord(char):04X}" for char in UNSEEN])
@pytest.mark.parametrize("between", WRITTEN)
def test_invisible_characters_do_not_hide_a_card_number(unseen, between):
    parted = between.format(unseen)
    for size in (1, 4, 8):
        card = parted.join(VISA[at : at + size] for at in range(0, len(VISA), size))
        assert redact(f"card {card}.") == f"card {REDACTED}."
    assert has_card_number(f"{VISA}{parted}1227{parted}123")
    assert has_bare_card_number(parted.join(VISA))


@pytest.mark.parametrize("between", [*LINE_BREAKS, *LOOKS], ids=ascii)
def test_line_breaks_and_lookalikes_of_spaces_and_dashes_separate_digits_too(between):
    for size in (1, 4, 8, 12):
        card = between.join(VISA[at : at + size] for at in range(0, len(VISA), size))
        assert redact(f"card {card}\n") == f"card {REDACTED}\n"
    assert redact(f"4242 4242{between}4242 4242") == REDACTED


@pytest.mark.parametrize("digits", ["４２", "⁴²", "₄₂", "④②", "➃➁", "𝟒𝟐", "𝟺𝟸", "٤٢", "४२", "４②"])
def test_unicode_digits_of_every_kind_are_recognized(digits):
    assert redact(f"{digits * 8} or {' '.join(digits * 8)}") == f"{REDACTED} or {REDACTED}"


def test_lists_of_phone_and_invoice_numbers_are_no_card_numbers():
    """Given lines of phone, invoice and other numbers, then no card number is put together from the
    end of one line and the start of the next.
    """
    for last in range(1000):
        phones = [f"415-555-{last + step:04d}" for step in range(3)]
        written = "\n".join(phones)
        assert not has_card_number(written)
        assert not has_card_number(written.replace("-", " "))
        assert not has_card_number("\r\n".join(f"+1 {phone}" for phone in phones))
        assert not has_card_number("\n".join(f"({phone[:3]}) {phone[4:]}" for phone in phones))
        assert not has_card_number(f"2026-11-28\n2026-11-29\nINV-2026-{last:06d}\n06 12 34 56 78\n")


@st.composite
def odd_texts(draw: st.DrawFn) -> str:
    """Draw digits that often make a card number, with separators and other signs between."""
    gaps = st.sampled_from(["", "", "", "", " ", "-", "\n", "  ", "\n ", "x", "\u200b", "."])
    digits = draw(st.one_of(card_digits(), st.text("234568", min_size=13, max_size=40)))
    return "".join(draw(gaps) + digit for digit in digits) + draw(gaps)


def expected(text: str) -> bool:
    """Apply the rules in their plainest form: check every stretch of digits by itself."""
    text = re.sub("(?<=[0-9x.])\u200b+(?=[0-9x.])", "-", text).replace("\u200b", "")
    text = re.sub(r"[ ]*\n[ \n]*", "\n", text)
    groups = [(part.start(), part.end()) for part in re.finditer("[0-9]+", text)]
    for first in range(len(groups)):
        for last in range(first, len(groups)):
            between = [text[groups[at][1] : groups[at + 1][0]] for at in range(first, last)]
            digits = "".join(text[start:end] for start, end in groups[first : last + 1])
            sizes = [end - start for start, end in groups[first:last]]
            even = all(sum(sizes[: at + 1]) % 4 == 0 for at in range(len(sizes)))
            if (
                set(between) <= {" ", "-", "\n"}
                and ("\n" not in between or set(between) == {"\n"} or even)
                and is_card_number(digits)
            ):
                return True
    return False


@pytest.mark.slow
@settings(max_examples=1_000)
@given(odd_texts().filter(lambda text: "+" not in text))
def test_the_fast_search_finds_the_same_as_a_window_by_window_search(text):
    assert has_card_number(text) == expected(text)


@fields
@given(st.text(), written_cards(), st.text())
def test_plain_text_keeps_each_digit_at_its_place(before, card, after):
    text = before + card + after
    plain = plain_text(text)
    assert [char for char in plain if char.isdigit()] == [
        str(unicodedata.digit(text[place])) for place in digit_places(text)
    ]
    assert not has_card_number(redact(text))


@settings(max_examples=300)
@given(card_digits())
def test_every_card_network_is_recognized_by_its_digits(digits):
    assert (
        is_card_number(digits)
        == has_card_number(digits)
        == (check_digit(digits[:-1]) == digits[-1])
    )


def test_a_valid_international_phone_number_in_text_is_not_redacted():
    """+49 151… has thirteen digits, begins as a Visa does, and passes Luhn one time in ten."""
    numbers = [f"+4915123456{tail:03d}" for tail in range(1000)]
    assert any(is_card_number(number[1:]) for number in numbers)
    assert not any(has_card_number(f"call {number} or +1 202 555 0123") for number in numbers)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "1234567890123452",
        "42424242424242424242",
        "4242  4242 4242 4242",
        "4242.4242.4242.4242",
        "",
    ],
)
def test_other_numbers_are_not_redacted(text):
    assert not has_card_number(text)
    assert redact(text) == text


@pytest.mark.parametrize(
    "document",
    [
        {"a": [4242, 4242, 4242, 4242]},
        {"a": ["4242", "4242", "4242", "4242"]},
        {"a": [int(digit) for digit in VISA]},
        {"a": float(VISA)},
        {"phone": VISA},
        {"phone": "378282246310005"},
        {"createdAt": VISA},
        {"id": VISA},
        {"customerId": f" {VISA}"},
        [VISA],
        VISA,
    ],
)
def test_a_card_number_is_found_in_pieces_in_floats_and_in_falsely_exempt_fields(document):
    assert len(card_fields(document)) == 1


def stripe_events() -> st.SearchStrategy[dict]:
    """Events as Stripe sends them: ids with long runs of digits, minor units, seconds and
    milliseconds.
    """
    numbers = st.one_of(
        st.integers(0, 10**12),
        st.integers(1_600_000_000, 1_900_000_000),
        st.integers(1_600_000_000_000, 1_999_999_999_999),
    )
    subject = st.fixed_dictionaries(
        {
            "id": prefixed_ids(),
            "object": st.just("payment_intent"),
            "amount": numbers,
            "created": numbers,
            "latest_charge": prefixed_ids(),
            "client_secret": prefixed_ids(),
            "network_transaction_id": card_digits(),
            "fingerprint": st.from_regex(r"[0-9A-Za-z]{16}", fullmatch=True),
            "receipt_url": (
                prefixed_ids().map(lambda text: f"https://pay.stripe.com/receipts/{text}")
            ),
            "livemode": st.booleans(),
            "metadata": st.fixed_dictionaries(
                {"invoice_id": prefixed_ids(), "account_id": prefixed_ids(), "at": times}
            ),
            "charges": st.lists(
                st.fixed_dictionaries({"id": prefixed_ids(), "amount": numbers}), max_size=3
            ),
            "description": st.none(),
        }
    )
    return st.fixed_dictionaries(
        {
            "id": prefixed_ids(),
            "created": numbers,
            "data": st.fixed_dictionaries({"object": subject}),
        }
    )


@pytest.mark.slow
@settings(max_examples=200)
@given(stripe_events())
def test_redacting_an_event_leaves_ids_amounts_and_times(event):
    kept = redacted_document(event)
    assert kept == event


@pytest.mark.slow
@settings(max_examples=100)
@given(stripe_events(), written_cards(), card_digits(), st.booleans())
def test_only_the_card_number_in_an_events_text_is_redacted(event, written, digits, escape):
    subject = event["data"]["object"]
    dirty = event | {
        "data": {
            "object": (
                subject
                | {
                    "description": f"paid with {written}",
                    "metadata": subject["metadata"] | {"note": digits},
                }
            )
        }
    }
    kept = json.loads(redacted_json(json.dumps(dirty, ensure_ascii=escape)))["data"]["object"]
    assert kept["metadata"] == subject["metadata"] | {"note": REDACTED}
    assert not has_card_number(kept["description"])
    assert (kept["id"], kept["amount"], kept["created"]) == (
        subject["id"],
        subject["amount"],
        subject["created"],
    )


def test_a_card_number_behind_an_escape_or_a_duplicate_name_is_found():
    assert VISA[1:] not in redacted_json('{"note": "\\u0034242424242424242"}')
    assert VISA not in redacted_json(f'{{"note": "{VISA}", "note": "fine"}}')
    assert VISA not in redacted_json(f"no JSON {VISA}")
    for between in ("\n", "\r\n", "\v", "\0", "\u2028", "\u115f"):
        event = {"note": f"it is {between.join(VISA)}."}
        assert json.loads(redacted_json(json.dumps(event))) == {"note": f"it is {REDACTED}."}


def test_an_event_without_a_card_number_is_kept_byte_for_byte():
    text = '{"id":  "evt_1", "note": "Zahnärztin", "n": 1e2}'
    assert redacted_json(text) == text


@pytest.mark.parametrize("depth", [300, 700, 990, 3_000])
def test_a_document_too_deep_to_walk_is_redacted_as_text(depth):
    text = redacted_json("[" * depth + f'"{VISA}"' + "]" * depth)
    assert VISA not in text
