"""Templates, segments of texts (3GPP TS 23.038), merging of status reports, and the meaning of
failures.
"""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.contact.delivery_failures import ADVICE, advice_for
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
def test_built_in_texts_are_sound_and_short(kind, language):
    text = render(DEFAULTS[kind, language], language, VALUES)
    assert template_errors(kind, DEFAULTS[kind, language]) == []
    assert ("STOP" in text.body, text.body.startswith("Harbor Dental")) == (True, True)
    assert (text.encoding, text.segments) == ("GSM-7", 1)


@pytest.mark.parametrize("language", sorted(THANKS))
def test_thanks_are_one_segment(language):
    text = render(THANKS[language], language, VALUES)
    assert (text.encoding, text.segments) == ("GSM-7", 1)


def test_a_clever_apostrophe_makes_no_text_dearer():
    text = render("{clinic} – “your bill”… {url}", "en", VALUES | {"clinic": "Dr. O’Neil"})
    assert text.body.startswith('Dr. O\'Neil - "your bill"... https://')
    assert text.encoding == "GSM-7"


def test_a_template_that_could_grow_too_long_is_found_before_it_is_kept():
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
def test_a_text_has_as_many_segments_as_carriers_count(body, encoding, segments):
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
def test_a_word_about_health_is_known_however_it_is_put_together(words):
    (fault,) = reply_errors(f"About your {words}: please call.")
    assert "mentions health" in fault


@pytest.mark.parametrize("words", ["INV-2041", "a crow, nest", "e-mail", "the 12-month plan"])
def test_other_words_with_signs_in_them_are_texted(words):
    assert reply_errors(f"About {words}: please call.") == []


def test_a_name_cannot_write_the_text():
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
def test_each_text_says_how_to_stop_whatever_else_is_called_so(template, values):
    """12 CFR 1006.6(e) requires each text to say how to opt out."""
    assert render(template, "en", values).body.endswith("Reply STOP to opt out.")


def test_a_text_that_twilio_would_refuse_is_not_made():
    with pytest.raises(ValueError, match="1600"):
        render("{clinic} {url} " + "x" * 1600, "en", VALUES)


@pytest.mark.parametrize(
    ("asked", "chosen"), [("es-MX", "es"), ("ES_es", "es"), ("de", "en"), (None, "en"), ("", "en")]
)
def test_the_nearest_language(asked, chosen):
    assert language_of(asked) == chosen


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=4))
def test_reports_in_any_order_and_number_give_one_status(reports):
    ends = set()
    for order in permutations(reports):
        status = "waiting"
        for report in (*order, *order):
            status = merged_status(status, report)
        ends.add(status)
    assert len(ends) == 1


@pytest.mark.parametrize("word", ["teleported", "", "None"])
@pytest.mark.parametrize("known", ["waiting", "sending", "unknown"])
def test_a_new_word_says_that_twilio_has_the_text_so_that_it_is_polled(known, word):
    """Given a status from Twilio that we do not know, then the text counts as accepted and is
    polled, so that it does not stay `sending` for ever and block the next one.
    """
    assert merged_status(known, word) == "accepted"
    assert merged_status("accepted", word) == "accepted"


def test_what_is_refused_stays_refused_and_unknown_words_change_nothing():
    assert merged_status("refused", "delivered") == "refused"
    assert merged_status("sent", "teleported") == "sent"
    assert merged_status("queued", "sending") == "queued"
    assert not PENDING & FAILED


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_every_failure_says_what_to_do(code):
    advice = advice_for(code)
    assert advice is not None
    assert advice.text.endswith(".")


def test_a_failure_we_never_met_still_says_something():
    assert advice_for("39999").then == "look_up"
    assert advice_for(None) is None
