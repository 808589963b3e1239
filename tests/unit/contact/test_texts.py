"""Templates, segments of texts (3GPP TS 23.038), merging of status reports, and the meaning of
failures.
"""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.contact.delivery_failures import ADVICE, advice_for
from rules.contact.offers import is_offer
from rules.contact.staff_texts import TEMPLATE, THANKS, reply_errors
from rules.contact.templates import DEFAULTS, _weight, language_of, render, template_errors
from rules.contact.text_status import FAILED, PENDING, merged_status

VALUES = {
    "clinic": "Harbor Dental",
    "url": "https://pay.example/p/0123456789abcdef",
    "amount": "$120.00",
}
STATUSES = [
    "waiting",
    "sending",
    "unknown",
    "accepted",
    "queued",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "canceled",
    "read",
    "scheduled",
]


@pytest.mark.parametrize(("kind", "language"), sorted(DEFAULTS))
def test_built_in_texts_are_valid_and_fit_one_segment(kind, language):
    text = render(DEFAULTS[kind, language], language, VALUES)
    assert template_errors(kind, DEFAULTS[kind, language]) == []
    assert ("STOP" in text.body, text.body.startswith("Harbor Dental")) == (True, True)
    assert (text.encoding, text.segments) == ("GSM-7", 1)


@pytest.mark.parametrize("language", sorted(THANKS))
def test_thank_you_texts_fit_one_segment(language):
    text = render(THANKS[language], language, VALUES)
    assert (text.encoding, text.segments) == ("GSM-7", 1)


def test_typographic_quotes_are_replaced_so_that_a_text_stays_gsm_7():
    text = render("{clinic} – “your bill”… {url}", "en", VALUES | {"clinic": "Dr. O’Neil"})
    assert text.body.startswith('Dr. O\'Neil - "your bill"... https://')
    assert text.encoding == "GSM-7"


def test_a_template_that_could_render_too_long_is_refused():
    (fault,) = template_errors("payment_link", "{clinic}{url}" + "{url}" * 20)
    assert "the limit is 1600" in fault
    longest = {"clinic": "x" * 300, "url": "u" * 120, "amount": "1" * 24}
    for body in ("{clinic} {url} {amount}" + "x" * 775, "{url}" * 12 + "{clinic}"):
        assert template_errors("payment_link", body) == []
        assert len(render(body, "es", longest).body) <= 1600


@pytest.mark.parametrize(
    ("body", "encoding", "segments"),
    [
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("a" * 153 + "€" * 77, "GSM-7", 3),
        ("á" * 70, "UCS-2", 1),
        ("á" * 71, "UCS-2", 2),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("á" * 66 + "😀" * 34, "UCS-2", 3),
    ],
)
def test_segments_are_counted_as_carriers_count_them(body, encoding, segments):
    """Escapes count twice and are not split between segments; nor are surrogate pairs."""
    assert _weight(body) == (encoding, segments)


@pytest.mark.parametrize(
    "words",
    [
        "X-ray",
        "x\u2011ray",
        "root-canal",
        "CT-scan",
        "lab-results",
        "test/results",
        "CT_scan",
        "ct.scan",
        "root  canal",
        "lab\u2014results",
    ],
)
def test_a_health_word_is_found_however_it_is_joined(words):
    (fault,) = reply_errors(f"About your {words}: please call.")
    assert "mentions health" in fault


@pytest.mark.parametrize("words", ["INV-2041", "a crow, nest", "e-mail", "the 12-month plan"])
def test_other_words_with_punctuation_are_accepted(words):
    assert reply_errors(f"About {words}: please call.") == []


def test_a_clinics_name_cannot_inject_template_fields():
    text = render(
        DEFAULTS["payment_link", "en"], "en", VALUES | {"clinic": "{url} {amount}\n" + "x" * 300}
    )
    assert text.body.count("https://") == 1
    assert "\n" not in text.body


@pytest.mark.parametrize(
    ("template", "values"),
    [
        (DEFAULTS["payment_link", "en"], VALUES | {"clinic": "One Stop Dental"}),
        (TEMPLATE, {"clinic": "Harbor Dental", "answer": "Please stop by at noon."}),
        ("{clinic}: stop by, or pay at {url}", VALUES),
    ],
    ids=["clinic", "staff", "template"],
)
def test_each_text_says_how_to_opt_out_even_if_stop_occurs_elsewhere(template, values):
    """12 CFR 1006.6(e) requires each text to say how to opt out."""
    assert render(template, "en", values).body.endswith("Reply STOP to opt out.")


def test_a_text_longer_than_twilio_accepts_is_not_rendered():
    with pytest.raises(ValueError, match="1600"):
        render("{clinic} {url} " + "x" * 1600, "en", VALUES)


@pytest.mark.parametrize(
    ("asked", "chosen"), [("es-MX", "es"), ("ES_es", "es"), ("de", "en"), (None, "en"), ("", "en")]
)
def test_the_nearest_supported_language_is_chosen(asked, chosen):
    assert language_of(asked) == chosen


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=4))
def test_status_reports_in_any_order_and_number_give_the_same_status(reports):
    ends = set()
    for order in permutations(reports):
        status = "waiting"
        for report in (*order, *order):
            status = merged_status(status, report)
        ends.add(status)
    assert len(ends) == 1


@pytest.mark.parametrize("word", ["teleported", "", "None"])
@pytest.mark.parametrize("known", ["waiting", "sending", "unknown"])
def test_an_unknown_status_counts_as_accepted_and_is_polled(known, word):
    """Given a status from Twilio that we do not know, then the text counts as accepted and is
    polled, so that it does not stay `sending` for ever and block the next one.
    """
    assert merged_status(known, word) == "accepted"
    assert merged_status("accepted", word) == "accepted"


def test_a_refused_text_stays_refused_and_unknown_statuses_change_nothing():
    assert merged_status("refused", "delivered") == "refused"
    assert merged_status("sent", "teleported") == "sent"
    assert merged_status("queued", "sending") == "queued"
    assert not PENDING & FAILED


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_every_known_failure_code_has_advice(code):
    advice = advice_for(code)
    assert advice is not None
    assert advice.text.endswith(".")


def test_an_unknown_failure_code_still_has_advice():
    assert advice_for("39999").then == "look_up"
    assert advice_for(None) is None


@pytest.mark.parametrize(
    "words",
    [
        "{clinic}: pay early and save 10 %: {url}",
        "{clinic}: pay by Friday and get $20 off: {url}",
        "{clinic}: 1,000 dollars off if you pay today: {url}",
        "{clinic}: half off today: {url}",
        "{clinic}: half price until Friday: {url}",
        "{clinic}: settle your bill for less: {url}",
        "{clinic}: settle for $80: {url}",
        "{clinic}: cash back for early payment: {url}",
        "{clinic}: pague hoy a mitad de precio: {url}",
    ],
)
def test_a_text_that_saves_money_is_an_offer(words):
    assert is_offer(words)


@pytest.mark.parametrize(
    "words",
    [
        *DEFAULTS.values(),
        "{clinic}: you owe $20. Our office is open until 5, off-hours call 555-0100: {url}",
        "{clinic}: your invoice is half paid, {amount} is left: {url}",
        "{clinic}: please settle your bill for your last visit: {url}",
        "{clinic}: please settle your account for {invoice}: {url}",
    ],
)
def test_a_text_that_only_asks_to_pay_is_no_offer(words):
    assert not is_offer(words)
