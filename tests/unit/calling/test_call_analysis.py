"""Opt-outs are read from the caller's own words in the transcript, whatever the model's analysis
says.
"""

import pytest

from rules.calling.call_analysis import consequences_of


@pytest.mark.parametrize(
    "said",
    [
        "Stop calling me.",
        "You need to quit texting me, okay?",
        "Please don't call me again.",
        "Do not ever contact us. Goodbye.",
        "don\u2019t call this number any more",
        "Take me off your list!",
        "I am on the do not call list.",
        "Never call here.",
        "No me llame más.",
        "Dejen de llamarme, por favor.",
    ],
)
def test_a_spoken_wish_not_to_be_contacted_is_an_opt_out(said):
    told = f"AI: This is the clinic's AI assistant.\nUser: {said}\nAI: I see."
    assert consequences_of({}, told).stops
    assert consequences_of({"outcome": "anger"}, told).escalation == "anger"
    assert not consequences_of({}, told.replace("User: ", "AI: ")).stops


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Don't call me before ten.",
        "Do not call me at work, call my cell.",
        "No. I can't stop now, call me tomorrow.",
        "Don't call me Patricia.",
        "I will not call you back.",
        "Will they take me off the treatment? No me llame antes de las diez.",
    ],
)
def test_a_wish_about_a_time_or_a_place_is_no_opt_out(said):
    assert not consequences_of({}, f"AI: May I have your name?\nUser: {said}").stops
