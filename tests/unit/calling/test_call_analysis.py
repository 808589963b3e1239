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
        "I would like to opt out of these calls.",
        "Opt me out, please.",
        "I want to opt out.",
        "Leave me alone!",
        "I don't want any more calls from you.",
        "No more calls, please.",
        "I do not want to be called again.",
        "Lose my number.",
        "No quiero más llamadas.",
        "Ya no me llamen.",
        "No me vuelvan a llamar.",
        "Déjenme en paz.",
        "No quiero más llamadas de ustedes.",
        "Just leave me alone, you people.",
        "Leave me alone for God's sake.",
        "Don't call me again this is harassment.",
        "No more calls from you",
        "I said no more calls!",
        "Please lose my number.",
        "I want you to delete my phone number.",
        "Opt me out of these calls.",
        "Can you opt me out of all that?",
        "I don't want to be called anymore, thanks.",
    ],
)
def test_a_spoken_wish_not_to_be_contacted_is_an_opt_out(said):
    told = f"AI: This is the clinic's AI assistant.\nUser: {said}\nAI: I see."
    assert consequences_of({}, told).stops
    assert consequences_of({"outcome": "anger"}, told).escalation == "anger"
    assert not consequences_of({}, told.replace("User: ", "AI: ")).stops


STOPPED = [
    "Stop.",
    "stop",
    "Stop! Stop it, please.",
    "I said stop.",
    "No, stop.",
    "Alto.",
    "Alto, por favor.",
    "User's Keypad Entry: 9",
    "User\u2019s Keypad Entry: 9#",
]


@pytest.mark.parametrize("said", STOPPED)
def test_stopping_as_the_opening_says_is_an_opt_out(said):
    """Given the opening, which says to say stop or to press nine, then either counts; a verified
    caller's bare word counts if they say nothing after it, as it may have been about something
    else. Without the opening, the word counts only in a call that we placed.
    """
    told = (
        f"AI: To stop these calls, say stop or press nine.\nUser: Hello?\nUser: {said}\nAI: I see."
    )
    assert consequences_of({}, told).stops
    assert consequences_of({}, told, is_verified=True).stops
    assert not consequences_of({}, told.replace("User: ", "AI: ")).stops
    going_on = consequences_of({}, told, is_verified=True, is_over=False)
    assert going_on.stops is ("Keypad" in said)
    more = f"{told}\nUser: Now go on."
    assert consequences_of({}, more).stops
    assert consequences_of({}, more, is_verified=True).stops is ("Keypad" in said)
    cut = told.partition("\n")[2]
    assert consequences_of({}, cut, is_outbound=True).stops
    assert consequences_of({}, cut).stops is ("Keypad" in said)


@pytest.mark.parametrize(
    "said",
    [
        "User's Keypad Entry: 99",
        "User's Keypad Entry: 1",
        "9",
        "Can I opt out of the dental plan?",
        "I don't want any more calls today, call me tomorrow.",
        "I don't want to be called at work.",
        "There are no more messages.",
        "I lost my number.",
        "Leave me a message.",
        "Leave my son alone with the hygienist?",
        "No quiero más dolor.",
        "No me vuelvan a llamar antes de las diez.",
        "No quiero más llamadas de noche.",
        "Leave me alone until Friday.",
        "I don't want any more calls from you today.",
        "I do not want to opt out of these calls.",
        "Did you lose my number?",
        "I don't want to lose my number.",
        "Opt me out of the dental plan.",
        "Why did you opt me out?",
        "I didn't opt out of your texts.",
        "I'll tell you if I want to opt out.",
        "I got no more calls, so I thought that was it.",
        "I don't want to be called again until Friday.",
        "Do not call me again today.",
        "Stop by the clinic?",
        "Do I stop at the desk?",
        "Non-stop.",
        "It's at the bus stop.",
        "Stopped.",
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
    told = f"AI: May I have your name?\nUser: {said}"
    assert not consequences_of({}, told, is_outbound=True).stops
