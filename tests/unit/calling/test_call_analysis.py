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
def test_who_says_that_they_want_no_more_is_left_alone(said):
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
def test_what_is_of_an_hour_or_a_place_is_no_such_wish(said):
    assert not consequences_of({}, f"AI: May I have your name?\nUser: {said}").stops
