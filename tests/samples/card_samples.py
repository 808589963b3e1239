"""Generates card numbers and lookalikes with hypothesis. Prefixes and lengths are those that the
networks publish (ISO/IEC 7812).
"""

from hypothesis import strategies as st

NETWORKS = {
    "visa": (["4"], [13, 16, 19]),
    "mastercard": (["51", "55", "2221", "2720"], [16]),
    "amex": (["34", "37"], [15]),
    "diners": (["300", "305", "36", "38", "39"], [14, 16, 19]),
    "discover": (["6011", "644", "649", "65"], [16, 19]),
    "jcb": (["3528", "3589"], [16, 19]),
    "unionpay": (["62", "81"], [16, 19]),
    "maestro": (["50", "56", "67"], [13, 16, 19]),
}
SEPARATORS = ["", " ", "-", "\u00a0", "\u2009", "\u2011", "\u2013", "\u200b", "\t"]
SCRIPTS = [0x30, 0xFF10, 0x0660, 0x0966]  # ASCII, full-width, Arabic-Indic, Devanagari


def check_digit(body: str) -> str:
    """Return the digit that makes `body` pass Luhn, calculated independently of the code under
    test.
    """
    total = 0
    for index, char in enumerate(reversed(body)):
        doubled = int(char) * (2 if index % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return str(-total % 10)


@st.composite
def card_digits(draw: st.DrawFn) -> str:
    prefixes, lengths = NETWORKS[draw(st.sampled_from(sorted(NETWORKS)))]
    prefix, length = draw(st.sampled_from(prefixes)), draw(st.sampled_from(lengths))
    body = prefix + draw(
        st.text("0123456789", min_size=length - 1 - len(prefix), max_size=length - 1 - len(prefix))
    )
    return body + check_digit(body)


@st.composite
def written_cards(draw: st.DrawFn) -> str:
    """A card number as people write it: in groups of any size, with any separator, in
    any script.
    """
    digits, separator, script = (
        draw(card_digits()),
        draw(st.sampled_from(SEPARATORS)),
        draw(st.sampled_from(SCRIPTS)),
    )
    size = draw(st.integers(1, 6)) if separator else len(digits)
    groups = [digits[at : at + size] for at in range(0, len(digits), size)]
    return separator.join("".join(chr(script + int(char)) for char in group) for group in groups)


@st.composite
def phones(draw: st.DrawFn) -> str:
    return "+" + draw(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))


@st.composite
def prefixed_ids(draw: st.DrawFn) -> str:
    """Ids like Stripe's and ours, with long runs of digits, even a whole card number."""
    prefix = draw(
        st.sampled_from(
            ["pi", "ch", "evt", "cus", "in", "re", "du", "acct", "inv", "pay", "txn", "seti"]
        )
    )
    middle = draw(
        st.one_of(
            st.from_regex(r"[0-9A-Za-z]{14,26}", fullmatch=True),
            st.from_regex(r"[0-9]{13,24}", fullmatch=True),
            card_digits(),
        )
    )
    return f"{prefix}_{middle}" + draw(st.sampled_from(["", "_secret_" + "9" * 16]))
