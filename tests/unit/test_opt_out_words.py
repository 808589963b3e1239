"""What an incoming text asks for. Keywords: 47 CFR 64.1200(a)(10) and Twilio's defaults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.opt_out_words import HELP, START, STOP, wish_of

PLAIN = [
    "please stop", "Stop it now", "STOP STOP STOP", "stop texting me", "Stop sending me these messages", "quit calling", "cease contacting us",
    "Don’t contact me", "dont text me", "do not call me again", "never message this number again", "I don't want to get these messages",
    "I no longer wish to receive texts", "no more texts", "Take me off your list", "remove my number", "unsubscribe me please", "I'd like to opt out",
    "leave me alone", "wrong number", "I revoke my consent", "lose my number",
    "alto", "Cancelar", "No me envíe más mensajes", "no me escriban", "deje de llamarme", "dejen de enviar mensajes", "no más mensajes", "quiero darme de baja",
    "no quiero recibir mensajes", "número equivocado", "bórreme de la lista",
]  # fmt: skip
OTHER = [
    "I'll stop by tomorrow to pay", "I will stop by the office and call you", "don't stop texting me", "can I pay at the end of the month?", "thanks",
    "I paid already", "please call me", "cancel my appointment", "I can't text right now", "what is this?", "por favor llámeme", "YES", "",
]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_wish_to_stop(text):
    assert wish_of(text) == "stop"


@pytest.mark.parametrize("text", OTHER)
def test_no_wish_to_stop(text):
    assert wish_of(text) == ""


@given(st.sampled_from([*((word, "stop") for word in STOP), *((word, "start") for word in START), *((word, "help") for word in HELP)]), st.data())
def test_keywords_in_any_case_with_any_punctuation_around(pair, data):
    word, wish = pair
    spelt = "".join(data.draw(st.sampled_from([char.lower(), char.upper()])) for char in word)
    around = st.text(" .!?,'\"\n\t-", max_size=4)
    assert wish_of(data.draw(around) + spelt + data.draw(around)) == wish


@given(st.text(max_size=400))
def test_any_text_has_an_answer(text):
    assert wish_of(text) in {"stop", "start", "help", ""}
