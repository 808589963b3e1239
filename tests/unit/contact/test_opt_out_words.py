"""The keyword that an incoming text amounts to. Keywords: 47 CFR 64.1200(a)(10) and Twilio's
defaults.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.contact.opt_out.lookalikes import plain_letters
from rules.contact.opt_out.words import HELP, START, STOP, keyword_of
from tests.samples import opt_out_samples

PLAIN = [
    "please stop",
    "Stop it now",
    "STOP STOP STOP",
    "stop texting me",
    "Stop sending me these messages",
    "quit calling",
    "cease contacting us",
    "Don’t contact me",
    "dont text me",
    "do not call me again",
    "never message this number again",
    "I don't want to get these messages",
    "I no longer wish to receive texts",
    "no more texts",
    "Take me off your list",
    "remove my number",
    "unsubscribe me please",
    "I'd like to opt out",
    "leave me alone",
    "wrong number",
    "I revoke my consent",
    "my consent is withdrawn",
    "Consent revoked.",
    "no consent",
    "you don't have my permission",
    "I take back my permission",
    "I did not give you permission",
    "that's enough",
    "enough texts",
    "too many texts",
    "no more calls in the evening",
    "please remove from your list",
    "take this number off the list",
    "lose my number",
    "I paid already stop",
    "I do not owe this, stop",
    "I already paid. Stop.",
    "stop I paid",
    "can you please stop",
    "make it stop",
    "no texts",
    "No texting!",
    "no texting me please",
    "no calls",
    "no more",
    "No more please",
    "I paid. No more.",
    "quit it",
    "just quit",
    "I want out",
    "let me out of this",
    "Kindly cease",
    "cease and desist",
    "not interested",
    "I'm not interested, thanks",
    "enough already",
    "go away",
    "this is harassment",
    "I am reporting this as spam",
    "I never signed up for this",
    "knock it off",
    "fuck off",
    "STOOOP",
    "stoppp!!",
    "S T O P",
    "S.T.O.P.",
    "Ｓｔｏｐ",
    "don't\nstop\n",
    "why won't you stop",
    "you never stop",
    "why don't you stop",
    "you don't stop",
    "Please stop. By the way, I paid.",
    "Stop! In any case I paid",
    "please stop at once",
    "I will stop paying unless you stop texting",
    "how can I stop these texts",
    "can I stop these texts",
    "I will stop by with my lawyer",
    "stop payment and stop texting",
    "I don't want to receive these anymore",
    "I dont want to get these",
    "We do not wish to see any more of this.",
    "no longer wish to receive",
    "I never want to hear from you again",
    "I don't want to hear from you people",
    "I did not sign up for this",
    "I didn't sign up",
    "I didnt ask for these",
    "Please cancel my subscription",
    "scam",
    "harassment!",
    "I want off",
    "get off my phone",
    "Please stay off of my line",
]
ANOTHER = [
    "you are not allowed to call me",
    "I told you not to call me",
    "I asked you to not contact me",
    "I refuse to be contacted",
    "refrain from contacting me",
    "please refrain from texting",
    "communicate only in writing",
    "only contact me by mail",
    "contact me by mail only",
    "dont txt me",
    "text messages not wanted",
    "not my number",
    "This isn't my number",
    "wrong #",
    "Wrong#",
    "you have the wrong guy",
    "you've got the wrong person",
    "you got the wrong",
    "that is no longer her phone number",
    "there is no one by that name here",
    "no such person",
]
SUPPRESSED = [
    "she passed away",
    "My mother passed away in May",
    "Ada died",
    "my husband has died",
    "he is deceased",
    "she's dead",
    "the patient has passed",
    "please contact the estate of Ada Payer",
    "bankruptcy",
    "I filed for bankruptcy",
    "we are bankrupt",
    "I filed chapter 7",
    "I have a lawyer",
    "Talk to my attorney",
    "my lawyers will hear of it",
    "I dispute this bill",
    "this is disputed",
    "I don't owe you anything",
    "not my bill",
]
SPANISH = [
    "alto",
    "Cancelar",
    "No me envíe más mensajes",
    "no me escriban",
    "deje de llamarme",
    "dejen de enviar mensajes",
    "no más mensajes",
    "quiero darme de baja",
    "no quiero recibir mensajes",
    "número equivocado",
    "bórreme de la lista",
    "ya no más",
    "no me interesa",
    "no es mi número",
    "mi madre falleció",
    "hable con mi abogado",
    "bancarrota",
    "no debo nada",
]
OTHER = [
    "I can only pay by mail",
    "can I pay by mail only",
    "I got a decline message",
    "I'll stop by tomorrow to pay",
    "I will stop by the office and call you",
    "don't stop texting me",
    "can I pay at the end of the month?",
    "thanks",
    "I paid already",
    "please call me",
    "cancel my appointment",
    "I can't text right now",
    "what is this?",
    "por favor llámeme",
    "YES",
    "",
    "stop by tomorrow?",
    "can I stop by",
    "I will not stop payment",
    "can I stop in to pay",
    "should I stop payment on the old check?",
    "my wife will stop in on Friday",
    "please don't stop",
    "I don't want you to stop",
    "never stop",
    "I won't stop",
    "we'll stop tomorrow to pay",
    "I could stop over at noon",
    "is the bus stop near you?",
    "I'm at the next stop",
    "what do I owe?",
    "how much do I still owe",
    "no",
    "no thanks",
    "what number do I call",
    "is this my number with you?",
    "wrong amount",
    "you have the wrong address",
    "I got no text from you",
    "there was no message",
    "my phone died",
    "sorry, my battery is dead",
    "I passed your message on to my wife",
    "I have power of attorney for my mother",
    "the end of the month is fine",
    "at the end of the month call me",
    "I quit smoking",
    "there is no consent form in the portal",
    "I don't have permission to see my bill",
    "is that enough?",
    "too many callers ahead of me",
    "there are too many calls ahead of me",
    "do you have enough contact information?",
    "I don't have enough messages left",
    "I don't have enough money",
    "please remove it from the waiting list",
    "at the weekend",
    "I have no more money this week",
    "I can send 50, more on Friday",
    "interested in a payment plan",
    "is there a text I can reply to",
    "when is it due",
    "my number is +1 202 555 0123",
    "¿cuánto debo?",
    "ya pagué",
    "I don't want to see the dentist again",
    "I don't want to get this wrong, what do I owe?",
    "I do not want to receive a late fee",
    "I don't want to hear from insurance again, is it paid?",
    "I didn't sign up for the payment plan",
    "I did not ask the office",
    "can I cancel my subscription box order",
    "can I want off work",
    "I'll pay when I get off my phone",
    "I have to get off my line now, later",
]
WISHES = [
    *((word, "stop") for word in sorted(STOP)),
    *((word, "start") for word in sorted(START)),
    *((word, "help") for word in sorted(HELP)),
]
SAMPLES = [
    *((text, "keyword") for text in opt_out_samples.KEYWORDS),
    *((text, "Spoke") for text in opt_out_samples.SPOKE),
    *((text, "slip") for text in opt_out_samples.SLIPS),
    *((text, "run together") for text in opt_out_samples.RUN_TOGETHER),
    *((text, "look-alike") for text in opt_out_samples.LOOK_ALIKES),
    *((text, "plain") for text in opt_out_samples.PLAIN),
    *((text, language) for language, texts in opt_out_samples.LANGUAGES.items() for text in texts),
]
GREETINGS = ["", "Hi. ", "Hello! ", "ok, ", "Dear Dr. Ada: ", "😡 ", "👋🏽 ", "Good morning!\n"]
SIGNS = "🙏😡👍🏽™ \n\t.!?\ufe0f\u200d\u200b"
STOP_SIGNS = "🛑❌✋⛔🚫"


def around(signs):
    """Draw characters that are neither letters nor digits, nor read as such (a circled letter is a
    letter).
    """
    plain = st.characters(categories=["P", "S", "Z", "Cc", "Cf", "Mn"]).filter(
        lambda char: not plain_letters(char).strip().isalnum() and char not in "🔕📵🖕🔇🔚🛑⛔"
    )
    return st.text(plain | st.sampled_from(signs), max_size=6)


AROUND, AROUND_STOP = around(SIGNS), around(SIGNS + STOP_SIGNS)


@pytest.mark.parametrize("text", [*PLAIN, *ANOTHER, *SUPPRESSED, *SPANISH])
def test_a_plain_wish_to_stop_is_an_opt_out(text):
    assert keyword_of(text) == "stop"


@pytest.mark.parametrize("text", OTHER)
def test_other_texts_contain_no_keyword(text):
    assert keyword_of(text) == ""


def spelt(word, data):
    """Draw the word in any case, with any gaps between its parts."""
    gap = data.draw(st.sampled_from([" ", "  ", "\n", " - ", "-"]))
    return gap.join(
        "".join(data.draw(st.sampled_from([char.lower(), char.upper()])) for char in part)
        for part in word.split()
    )


@pytest.mark.parametrize(("text", "_kind"), SAMPLES)
def test_a_wish_to_stop_is_an_opt_out_as_people_really_write_it(text, _kind):
    assert keyword_of(text) == "stop"


@pytest.mark.parametrize("text", opt_out_samples.EMOJI)
def test_a_stop_emoji_is_an_opt_out(text):
    assert keyword_of(text) == "stop"


def test_a_stray_vowel_sign_does_not_hide_an_opt_out():
    assert keyword_of("làm ơn dừng \u09fe") == "stop"


@pytest.mark.parametrize("text", opt_out_samples.NO_WISH)
def test_a_text_that_only_resembles_a_wish_to_stop_is_no_opt_out(text):
    assert keyword_of(text) == ""


@pytest.mark.parametrize("text", ["START ㋿", "㍿start", "START ™"])
def test_a_symbol_made_of_letters_does_not_hide_start(text):
    assert keyword_of(text) == "start"


@pytest.mark.parametrize("text", ["SТART", "SТART 🛑", "strat", "startt", "please start"])
def test_start_counts_only_when_spelled_as_carriers_require(text):
    """START allows texts again, so a look-alike or a misspelling of it does not count."""
    assert keyword_of(text) != "start"


def test_the_text_quoted_in_a_reaction_is_no_opt_out():
    """Given a text that reports a reaction, then the quoted text is not read as the customer's own
    words.
    """
    assert keyword_of("Liked “Harbor Dental: pay. Reply STOP to opt out”") == ""
    assert keyword_of("Liked “Harbor Dental: pay. Reply STOP to opt out” please stop") == "stop"
    assert keyword_of("I liked it. Reply STOP") == "stop"


@given(st.sampled_from(SAMPLES), st.sampled_from(GREETINGS), AROUND_STOP, AROUND_STOP)
def test_greetings_punctuation_and_emoji_do_not_hide_an_opt_out(pair, greeting, before, after):
    text = pair[0]
    assert keyword_of(f"{greeting}{before} {text} {after}") == "stop"
    assert keyword_of(f"{greeting}{before} {text.upper()} {after}") == "stop"


@given(st.sampled_from(WISHES), st.data())
def test_keywords_are_recognized_in_any_case_amid_punctuation_emoji_and_spaces(pair, data):
    word, wish = pair
    signs = AROUND_STOP if wish == "stop" else AROUND
    assert keyword_of(data.draw(signs) + spelt(word, data) + data.draw(signs)) == wish


@given(
    st.sampled_from([*PLAIN, *ANOTHER, *SUPPRESSED, *SPANISH]),
    st.booleans(),
    AROUND_STOP,
    AROUND_STOP,
)
def test_plain_wishes_to_stop_count_amid_any_signs(text, loud, before, after):
    assert keyword_of(f"{before} {text.upper() if loud else text} {after}") == "stop"


@given(st.text(max_size=40), st.text(max_size=40))
def test_stop_as_its_own_sentence_is_an_opt_out_in_any_text(before, after):
    assert keyword_of(f"{before}. STOP. {after}") == "stop"


@given(st.text(max_size=400))
def test_any_text_yields_a_known_keyword_or_none(text):
    assert keyword_of(text) in {"stop", "start", "help", ""}
