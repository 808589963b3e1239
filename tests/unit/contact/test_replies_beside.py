"""Answers whose words sound like a class that they are not, or say one in other words: what
suppresses a number for good, or places a hold, needs clear words; else a person reads it.
"""

from rules.contact.opt_out.words import wish_of
from rules.contact.replies import class_of

SAID = {
    "later": [
        "Not right now",
        "that's not right now",
        "Not right away",
        "Not right now, maybe May",
    ],
    # a mistake, and not of the number; who will not pay
    "dispute": [
        "se equivocaron en la cantidad",
        "se equivocaron con la cuenta",
        "se equivocaron en mi cuenta",
        "creo que se equivocaron con el cargo",
        "aquí no hay ninguna cuenta pendiente",
        "there is no balance here",
        "I won't pay",
        "I refuse to pay",
        "I'm not going to pay this bill",
        "I will never pay you",
        "I'm not paying this",
        "no voy a pagar eso",
        "no pagaré",
        "prove I owe this",
        "esta mal la cuenta",
        "eso no es correcto",
        "no acepto el cargo",
        "I was told it was free",
        "this should be $50 not $500",
        "Not correct. Look again",
    ],
    "already_paid": ["se equivocaron, yo ya pagué", "I didn't know, I paid it"],
    "insurance": [
        "mi seguro se equivocó",
        "it hasn't been paid by insurance",
        "My insurance should have paid",
        "I'm not Medicare eligible",
    ],
    "cannot_pay": ["we have no money here", "I can't pay today but I will pay friday"],
    "call_me": [
        "That's not me ignoring you, call tomorrow",
        "I was not there when you called, call me",
    ],
    "wrong_number": [
        "this number no longer belongs to her",
        "she doesn't have this number anymore",
        "I don't know any Maria",
        "no conozco a María",
        "ella ya no tiene este número",
        "no one here by that name",
        "nobody named Maria here",
        "there is no Maria here",
        "this is not the right number",
        "she changed her number",
        "ese no soy yo",
        "no soy la persona que busca",
        "wrng number",
        "she dont live here",
        "se equivocaron",
        "aquí no hay ningún Juan",
    ],
    # nobody is asked to stop, and nothing is placed: a person reads it
    "unknown": [
        "new phone and lost your link, resend please",
        "I have a new phone and number is the same",
        "theres no link here",
        "no lo conozco bien al doctor",
        "I no longer live at this address",
        "I'm not Dr Lee's patient",
        "No soy Americano",
        "Not Paid",
        "Not Received",
        "This is not Fair",
        "I wasn't there when you called",
        "I never signed in to the portal",
        "I did not sign the form yet",
        "I didn't order glasses yet",
        "not correct email, use this one",
        "please verify this charge went through",
        "we don't agree on a date yet",
        "I will not pay late",
    ],
    "question": ["has not been paid"],
}


def test_each_text_is_of_the_class_that_its_words_say():
    found = {
        text: getattr(class_of(text, wish_of(text) == "stop"), "code", None)
        for texts in SAID.values()
        for text in texts
    }
    assert found == {text: code for code, texts in SAID.items() for text in texts}
