"""Replies whose words resemble another class, or express one in other words. Suppressing a number
for good, or placing a hold, needs clear words; otherwise staff read the reply.
"""

from rules.contact.opt_out.words import keyword_of
from rules.contact.replies import classify

SAID = {
    "later": [
        "Not right now",
        "that's not right now",
        "Not right away",
        "Not right now, maybe May",
    ],
    # a mistake, but not a wrong number; or a refusal to pay
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
        "I dont plan to pay",
        "I will not be paying this",
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
    "cannot_pay": [
        "no me alcanza",
        "I'm not going to be able to pay",
        "i dont have it",
        "can I make payments",
        "can we do payments",
        "we have no money here",
        "I can't pay today but I will pay friday",
    ],
    "call_me": [
        "That's not me ignoring you, call tomorrow",
        "I was not there when you called, call me",
        "I never got a call back",
        "my husband has passed out, call later",
        "mi cel se murió, llámeme mañana",
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
        "No soy María",
        "This is not Maria Lopez, sorry",
        "se equivocaron",
        "aquí no hay ningún Juan",
    ],
    # no hold: staff read it
    "unknown": [
        "she passed her exam",
        "he passed his physical",
        "lost him in the store",
        "I do not dispute the bill",
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
        "I am not Sick",
        "I am not Diabetic",
        "This isn't January",
        "no conozco a Harbor Dental",
        "she changed her phone",
        "I wasn't there when you called",
        "I never signed in to the portal",
        "my wife passed me the phone",
        "Everyone passed yesterday",
        "I did not sign the form yet",
        "I didn't order glasses yet",
        "not correct email, use this one",
        "please verify this charge went through",
        "we don't agree on a date yet",
        "I will not pay late",
    ],
    "question": ["has not been paid", "who passed my number to you"],
    "deceased": [
        "Maria is dead",
        "my grandma passed",
        "Maria passed on Sunday",
        "my mom passed while in hospital",
        "she passed this morning",
        "he passed a year ago",
        "ella esta muerta",
        "esta muerto",
        "que en paz descanse",
        "perdí a mi esposo el mes pasado",
        "perdimos a mi mamá",
        "mi papa ya no vive",
        "we lost mom last month",
        "I am the executor of her estate",
        "mi papá se murió",
        "lost my husband",
    ],
    "bankruptcy": ["I filed ch 7", "ch. 13 filed", "filed BK last month", "my trustee does this"],
    "lawyer": ["I hired counsel", "lawyered up", "see you in court"],
}
STOPS = [
    "no llamen a este numero",
    "no vuelva a llamar",
    "no vuelvan a escribirme",
    "por favor pare los mensajes",
    "basta de mensajes",
    "cancelar mensajes",
    "dar de baja",
    "quiero salir",
    "no autorizo que me contacten",
    "dnt txt me",
    "not to be contacted again",
    "I request you not contact me",
    "no further contact",
    "turn these off",
    "I never gave permission to text me",
    "you do not have permission to text me",
    "This number is on the do not call registry",
    "leave us be",
    "I don't want anymore of these",
    "only email me",
]
# about a payment, a bank or an exam: no opt-out
NO_STOPS = [
    "I never got a call back",
    "take me off autopay",
    "stop autopay please",
    "please don't send me to collections",
    "remove my old number and use this one",
    "my bank blocked you",
    "they passed the bill to collections",
    "I do not dispute the bill",
    "who passed my number to you",
    "she passed on my message",
    "she passed her exam",
    "my husband has passed out, call later",
    "my mother is dead tired, call tomorrow",
    "mi cel se murió, llámeme mañana",
]


def test_each_lookalike_text_gets_the_right_class():
    found = {
        text: getattr(classify(text, keyword_of(text) == "stop"), "code", None)
        for texts in SAID.values()
        for text in texts
    }
    assert found == {text: code for code, texts in SAID.items() for text in texts}


def test_wishes_to_stop_are_recognized_in_other_words_too():
    assert {text: keyword_of(text) for text in STOPS} == dict.fromkeys(STOPS, "stop")


def test_other_uses_of_stop_words_are_no_opt_out():
    assert {text: keyword_of(text) for text in NO_STOPS} == dict.fromkeys(NO_STOPS, "")
