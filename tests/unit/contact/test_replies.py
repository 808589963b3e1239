"""Customers' replies are classified by rules: each class by examples, English and Spanish."""

import pytest

from rules.contact.opt_out.words import keyword_of
from rules.contact.policy import HOLD_KINDS
from rules.contact.replies import BY_CODE, CLASSES, classify, requested_time
from rules.contact.work_items import HOLDS, KINDS

SAID = {
    "deceased": ["My mother passed away in June", "he died", "Mi esposo falleció"],
    "bankruptcy": ["I filed chapter 7", "we filed for bankruptcy", "me declaré en bancarrota"],
    "lawyer": ["talk to my lawyer", "I have an attorney", "hable con mi abogado"],
    "wrong_number": [
        "wrong #",
        "You have the wrong person",
        "I'm not him",
        "there's nobody with that name here",
        "Se equivocó de número",
        "no conozco a esa persona",
    ],
    "dispute": [
        "This bill is wrong",
        "I don't owe this",
        "you overcharged me",
        "charged me twice",
        "I never had an appointment there",
        "No debo nada",
        "la factura está mal",
        "me cobraron de más",
        "I already paid, so I don't owe you anything",
    ],
    "already_paid": [
        "already paid",
        "Paid it yesterday online",
        "i sent a check on monday",
        "It's been paid",
        "My husband paid",
        "I've already taken care of this",
        "Ya pagué",
        "ya lo pague la semana pasada",
    ],
    "insurance": ["my insurance should cover this", "mi seguro lo paga"],
    "cannot_pay": [
        "I can't pay right now",
        "lost my job",
        "can I do a payment plan?",
        "I can only pay $20 a month",
        "no puedo pagar",
        "no tengo dinero",
    ],
    "call_me": [
        "call me tomorrow",
        "can someone call me?",
        "I want to speak to a person",
        "Llámeme mañana por favor",
        "me pueden llamar el lunes?",
    ],
    "later": [
        "text me tomorrow",
        "not now",
        "can't talk right now",
        "maybe later",
        "contact me next week",
        "don't call me tomorrow",
        "please don't call me until Monday",
        "no me llame mañana",
        "no llamar antes de las 5",
        "escríbame el viernes",
        "ahora no puedo hablar",
        "I am out of town until Dec 10",
        "on vacation until July 5th",
        "I'm in a meeting",
        "not a good time",
        "give me two more weeks",
        "give me till friday",
        "tomorrow",
        "hasta el viernes",
    ],
    "will_pay": [
        "I will pay on Friday",
        "paying next week when i get paid",
        "I'll stop by tomorrow to pay",
        "voy a pagar el viernes",
        "le pago mañana",
    ],
    "question": [
        "What is this for?",
        "how much do I owe",
        "is this a scam",
        "can you send me an itemized bill",
        "can you text me the link now?",
        "por qué debo?",
    ],
    "thanks": ["ok thanks", "Thank you!", "gracias", "\U0001f44d", "Thanks for the reminder"],
    "unknown": ["asdf", "My phone died", "I am driving right now", "I haven't paid yet"],
}

ALSO = {
    "deceased": [
        "he is deceased",
        "my husband died last year",
        "she passed on in March",
        "my mom is dead",
        "he has passed",
        "RIP he is gone",
        "she is no longer alive",
        "he's in heaven now",
        "we lost him in May",
        "we buried my father in June",
        "the person you are texting died",
        "mi papa murio",
        "ella ya no esta con nosotros",
        "mi esposa fallecio",
        "mi mama esta muerta",
        "that person is dead",
        "this person died",
        "he's no longer with us",
        "she's no longer with us",
        "patient expired",
        "murió hace un año",
        "ya murio",
        "se murio",
    ],
    "bankruptcy": [
        "I filed bankruptcy",
        "in chapter 13",
        "bankruptcy case 23-12345",
        "I am filing for bankrupcy",
        "my debts were discharged",
        "declare bancarrota",
        "estoy en bancarrota",
    ],
    "lawyer": [
        "contact my attorney",
        "talk to my atty",
        "my lawyers will contact you",
        "speak with my legal team",
        "I'm represented by counsel",
        "i have legal representation",
        "my atorney is handling this",
        "mi abogado se encarga",
        "hable con mi abogada",
        "I retained a law firm",
        "I will have my solicitor call",
    ],
    "wrong_number": [
        "who is this? wrong number",
        "you got the wrong person",
        "sorry wrong number",
        "I don't know this person",
        "this isn't John",
        "this is not Maria",
        "I am not John Smith",
        "not John",
        "you have the wrong guy",
        "John doesn't live here",
        "John no longer has this number",
        "new phone who dis",
        "that's not me",
        "this is not his phone anymore",
        "I just got this number",
        "this number belongs to someone else",
        "no conozco a ese senor",
        "numero equivocado",
        "se equivoco",
        "no soy Juan",
        "aqui no vive ningun Juan",
        "este no es el numero de Juan",
        "este telefono no es de el",
        "there is no John here",
        "you've got the wrong number",
        "wrong numba",
        "This isn't Maria's phone",
        "that's not Maria's number anymore",
        "not Mr. Smith's phone",
        "this is John, Maria doesn't have this number anymore",
        "Maria changed her number",
        "Maria has changed her number",
        "this isn't the right person",
        "not the number for Maria",
        "María no vive aquí",
    ],
    "dispute": [
        "I don't owe you anything",
        "I do not owe this bill",
        "this isn't my bill",
        "that's not my bill",
        "this bill is not mine",
        "the charge is wrong",
        "I was never there",
        "I never received these services",
        "you charged the wrong amount",
        "I'm disputing this",
        "I contest this charge",
        "that's not what I agreed to",
        "the amount is incorrect",
        "I was overcharged",
        "you billed me twice",
        "this is a mistake",
        "there must be a mistake",
        "there's an error",
        "I have no balance",
        "my balance is zero",
        "I did not authorize this",
        "this was supposed to be free",
        "it should be covered already I owe nothing",
        "this is not my debt",
        "no debo eso",
        "esa deuda no es mia",
        "eso no es mio",
        "hay un error en la cuenta",
        "esto es un error",
        "no es mi deuda",
        "la cantidad no es correcta",
        "me cobraron de mas",
        "nunca fui ahi",
        "no reconozco este cargo",
        "I was not a patient there",
        "you have my bill wrong",
        "this is not correct",
        "not correct",
        "thats not right",
        "the bill isn't right",
        "I dont agree with this bill",
        "I don't agree",
        "identity stolen",
        "send me proof of this debt",
        "validate this debt",
        "prove it",
        "I'm Not Paying",
    ],
    "later": [
        "I'm not home until Monday",
        "my husband is in rehab until Friday",
        "gone till Tuesday",
        "I'll be back Tuesday",
        "busy all week",
        "on sabbatical for a year",
        "I'm on leave for 3 months",
        "two more weeks please",
        "in a month or two",
        "until Jan 15th 2027",
        "not for 10 years",
        "dentro de dos años",
        "hasta junio",
    ],
    # these only sound like another class
    "unknown": [
        "this phone is not working",
        "there's no signal here",
        "I do not have Maria's number",
        "my plan doesn't have this clinic",
        "my bank doesn't have this number",
        "the office doesn't have this phone number on file",
        "that is not the number of visits I had",
        "it's not the number for the billing office",
        "I called but that's not the clinic's number",
        "my daughter has just changed her number",
        "my doctor changed his number",
        "this is a rip off",
        "no soy rico",
        "my wife lost her job in May",
        "it was my mistake sorry, paid now",
    ],
    "will_pay": ["I can only pay by mail"],
}


@pytest.mark.parametrize("code", ALSO)
def test_each_class_is_recognized_in_other_words_too(code):
    """Also if the text is an opt-out: a class that must be acted on at once is still reported."""
    found = {
        text: getattr(classify(text, keyword_of(text) == "stop"), "code", None)
        for text in ALSO[code]
    }
    assert found == dict.fromkeys(ALSO[code], code)


def test_near_matches_do_not_make_the_patterns_backtrack():
    """Given texts whose every part matches some pattern but whose end does not, then the patterns
    do not backtrack over each way to divide them, which would take for ever.
    """
    times = ("1", "1 ", "in 2 ", "the ", "on the 1st ", "monday ", "i called for 2 weeks ")
    for part in (*times, "i m at ", "no me "):
        assert classify(part * (1_600 // len(part)) + "x") is not None


@pytest.mark.parametrize("code", SAID)
def test_each_class_is_recognized_by_examples(code):
    found = {text: getattr(classify(text), "code", None) for text in SAID[code]}
    assert found == dict.fromkeys(SAID[code], code)


def test_every_class_has_examples():
    assert set(SAID) == {each.code for each in CLASSES}


def test_a_reaction_to_our_text_is_no_reply():
    assert classify("Liked “Harbor Dental: pay here. Call us with a question?”") is None


def test_beside_an_opt_out_only_classes_that_must_be_acted_on_count():
    assert classify("stop texting me, I already paid", has_stopped=True) is None
    assert classify("stop, I have a lawyer", has_stopped=True) is BY_CODE["lawyer"]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("call me tomorrow", "tomorrow"),
        ("Please call me after 5pm", "after 5pm"),
        ("Llámeme mañana por la tarde", "manana por la tarde"),
        ("call me", ""),
        ("call me in 2 hours", "in 2 hours"),
    ],
)
def test_the_requested_time_is_kept_in_the_customers_words(text, when):
    assert requested_time(text) == when


def test_each_class_suggests_a_known_action_and_a_known_hold():
    assert {each.suggested for each in CLASSES} <= set(KINDS["reply"].actions)
    assert {each.hold for each in CLASSES} - {""} <= set(HOLD_KINDS)
    assert set(HOLDS.values()) <= set(HOLD_KINDS)
