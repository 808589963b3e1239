"""Verification of callers, spoken consent, and how tool calls are read."""

import json

import pytest

from rules.calling.call_analysis import CONSEQUENCES
from rules.calling.charge_consent import consent_heard, names_amount
from rules.calling.tool_definitions import REASONS
from rules.calling.tool_payloads import (
    Answer,
    ToolInvocation,
    Utterance,
    one_line,
    read_call,
    read_tool_calls,
    read_transcript,
    rendered,
)
from rules.calling.tool_replies import DECLARED, reply_for
from rules.calling.verification import Answers, Kept, is_verified, missing, same_postal_code
from rules.contact import work_items

CARD = "4242" * 4
MOST_READ = 1000  # levels of nesting; no parser reads deeper JSON


def kept(name="Ada María Payer-Lopez", code="20001-1234", numbers=(), own=True):
    return Kept(name, code, tuple(numbers), own)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("Ada Payer", True),
        ("ADA LOPEZ", True),
        ("Mrs. Ada M. Payer", True),
        ("Payer, Ada", True),
        ("Ada Maria", True),  # one of the other names
        ("Ada", False),
        ("Payer", False),
        ("Eva Payer", False),
        ("Ada Payne", False),
        ("María Payer", False),
        ("", False),
        ("Ada %", False),
    ],
)
def test_a_callers_name_matches_by_first_and_family_name(said, right):
    assert is_verified(Answers(said, "20001"), kept()) is right


@pytest.mark.parametrize(
    ("said", "of_record", "same"),
    [
        ("20001", "20001-1234", True),
        ("2 0 0 0 1", "20001", True),
        ("200011234", "20001", True),
        ("2000", "20001", False),
        ("200012", "20001", False),
        ("", "20001", False),
        ("", "", False),
        ("02134", "2134", True),
        ("2134", "02134", True),
        ("02134-1234", "2134", True),
        ("00501", "501", True),
        ("2134", "2134", True),
        ("12134", "2134", False),
        ("0", "00000", False),
        ("k1a 0b1", "K1A0B1", True),
        ("k1a", "K1A0B1", False),
    ],
)
def test_postal_codes_match_despite_spaces_case_and_zip_plus_four(said, of_record, same):
    assert same_postal_code(said, of_record) is same


def test_no_answer_verifies_against_data_that_is_not_on_record():
    """Given no postal code and no bill on record, then no answer verifies the caller; a bill's
    number does.
    """
    nothing = kept(code="")
    for answers in (
        Answers("Ada Payer"),
        Answers("Ada Payer", "20001"),
        Answers("Ada Payer", "", ""),
    ):
        assert not is_verified(answers, nothing)
    billed = kept(code="", numbers=("INV-1042",))
    assert is_verified(Answers("Ada Payer", "", "inv 1042"), billed)
    assert not is_verified(Answers("Ada Payer", "20001", ""), billed)


def test_a_caller_from_another_number_needs_both_postal_code_and_bill_number():
    away = kept(numbers=("1042",), own=False)
    assert not is_verified(Answers("Ada Payer", "20001"), away)
    assert not is_verified(Answers("Ada Payer", "", "1042"), away)
    assert is_verified(Answers("Ada Payer", "20001", "1042"), away)


def test_the_answer_that_is_missing_for_verification_is_named():
    assert missing(Answers("Ada", "1")) == "first and last name"
    assert missing(Answers("Ada Payer")) == "postal code, or the number on the bill"
    assert missing(Answers("Ada Payer", "1")) == ""


def test_the_same_answers_have_the_same_digest_which_reveals_none_of_them():
    one = Answers("Ada Payer", "20001").digest
    assert one == Answers(" ada  PAYER ", "2000-1").digest
    assert one != Answers("Ada Payer", "20002").digest
    assert "20001" not in one


def heard(*words):
    """Return utterances of the assistant and the caller in turn."""
    return [
        Utterance("assistant" if place % 2 == 0 else "user", each)
        for place, each in enumerate(words)
    ]


ASK = "Do you agree that we charge 1,120.50 USD to your card on file?"


@pytest.mark.parametrize(
    "answer",
    [
        "Yes.",
        "yeah, sure",
        "Okay",
        "Sí, claro",
        "Go ahead please",
        "De acuerdo",
        "I agree",
        "I do.",
        "Yes, I do, thank you",
        "That's correct.",
        "Si.",
        "Si, claro",
        "Sí por favor",
        "Claro que sí.",
        "Vale, adelante.",
        "Si claro",
        "Si por favor",
        "si si",
        "Si señor, adelante",
        "I do, please.",
    ],
)
def test_a_plain_yes_counts_as_consent(answer):
    assert consent_heard(heard(ASK, answer), "1120.50") == answer


@pytest.mark.parametrize(
    "answer",
    [
        "No",
        "Yes... no, wait",
        "yes but not today",
        "I don't agree",
        "What is that for?",
        "",
        "Sí, pero mañana",
        "maybe, yes",
        "yesterday",
        "If my insurance pays nothing, yes",
        "Okay, what is that for",
        "Okay, how much was it again",
        "Is that correct?",
        "Sure? I have paid it.",
        "I do have a question about it.",
        "Yes, I didn't hear you, sorry.",
        "Yeah, that isn't my bill.",
        "Okay, just text me the link.",
        "Sure, I'd rather send a check instead.",
        "¿Cuánto vale?",
        "Cuánto vale eso",
        "Si tengo dinero en la cuenta.",
        "Claro, si por favor me manda la cuenta si puede",
        "Si acepto el cargo",
        "Vale, mándeme el enlace.",
        "Claro, tengo una pregunta.",
    ],
)
def test_anything_but_a_plain_yes_is_no_consent(answer):
    assert consent_heard(heard(ASK, answer), "1120.50") == ""


def test_consent_counts_only_for_the_amount_read_out_last():
    assert consent_heard(heard(ASK, "yes"), "120.50") == ""
    assert consent_heard(heard("How are you?", "yes"), "1120.50") == ""
    assert consent_heard(heard(ASK, "yes", ASK, ""), "1120.50") == ""
    assert consent_heard([], "1120.50") == ""


@pytest.mark.parametrize(
    "question",
    [
        "Your bill is $120.50. Shall I text you a link?",
        "You owe 120.50 USD, is that correct?",
        "Su factura es de 120.50 USD. ¿Le envío un enlace?",
    ],
)
def test_a_yes_to_another_question_that_names_the_amount_is_no_consent(question):
    assert consent_heard(heard(question, "Yes"), "120.50") == ""


def test_consent_counts_only_after_the_whole_notice_was_read_out():
    """Given a notice of two sentences, then a yes counts only after the whole notice was read out,
    in either language, before the question.
    """
    notices = (("Cards waive protections.", "Nobody needs cards."), ("Una factura médica.",))
    ask, said = "Do you agree that we charge 120.50 USD?", "Yes"
    assert consent_heard(heard(ask, said), "120.50", notices) == ""
    assert consent_heard(heard(f"Cards waive protections. {ask}", said), "120.50", notices) == ""
    both = "So: cards waive protections; nobody needs cards."
    assert consent_heard(heard(both, "Hm.", ask, said), "120.50", notices) == said
    assert consent_heard(heard(f"Una factura medica. {ask}", said), "120.50", notices) == said
    assert consent_heard(heard(ask, said, both, said), "120.50", notices) == ""


@pytest.mark.parametrize(
    ("words", "amount", "named"),
    [
        ("120 dollars", "120.00", True),
        ("$120.00.", "120.00", True),
        ("120 dollars and 50 cents", "120.50", True),
        ("120 dollars", "120.50", False),
        ("1120.00", "120.00", False),
        ("120.005", "120.00", False),
        ("5000 yen", "5000", True),
        ("5000.5 yen", "5000", False),
        ("5.000 yenes", "5", False),
        ("1.120,000 KWD", "1.120", False),
        ("12.5 dinars", "12.500", True),
        ("12.50 KWD", "12.500", True),
        ("12 dinars and 500 fils", "12.500", True),
        ("12 dinars and 50 fils", "12.500", False),
        ("12 dinars and 50 fils", "12.050", True),
        ("12.05 KWD", "12.500", False),
        ("12.51 KWD", "12.500", False),
        ("12 dinars", "12.000", True),
        ("1,120.5 dinars", "1120.500", True),
        ("nothing", "120.00", False),
    ],
)
def test_an_amount_spoken_in_digits_is_recognized(words, amount, named):
    assert names_amount(words, amount) is named


def test_tool_arguments_are_read_without_card_numbers_and_nul_characters():
    text = json.dumps({"a": f"x{chr(0)}y", "b": [CARD, {"c": int(CARD)}], "d": True, "e": None})
    body = {
        "message": {"toolCallList": [{"id": "t", "function": {"name": "f", "arguments": text}}]}
    }
    (called,) = read_tool_calls(body)
    assert called.had_card_number
    assert CARD not in str(called)
    assert called.arguments["a"] == "xy"
    assert called.arguments["d"] is True


def test_the_transcript_is_read_from_either_list_without_card_numbers():
    plain = [{"role": "bot", "message": "Hi"}, {"role": "user", "message": f"it is {CARD}"}]
    other = [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": f"it is {CARD}"}]
    for name, messages in (("messages", plain), ("messagesOpenAIFormatted", other)):
        said = read_transcript({"message": {"artifact": {name: [*messages, {"role": "tool"}, 7]}}})
        assert [each.role for each in said] == ["assistant", "user"]
        assert CARD not in said[1].words


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}, {"message": []}, {"message": {"call": 1}}])
def test_malformed_bodies_are_read_as_empty(odd):
    assert read_tool_calls(odd) == []
    assert read_call(odd) == {}
    assert read_transcript(odd) == ()


def test_every_tool_answer_is_one_line_without_card_numbers():
    odd = f"one\ntwo\r\nthree\u2028four {CARD}"
    told = rendered(ToolInvocation("t", "f", {}), Answer(odd))["result"]
    assert told.startswith("one two three four ")
    assert CARD not in told
    assert len(one_line("x" * 5000)) == 1500


def test_refusal_details_meant_for_the_clinic_are_not_read_to_the_caller():
    """Given a refusal whose detail is meant for the clinic, then the caller hears our own words;
    only `invalid` details are passed on.
    """
    for code in ("no_saved_card", "not_found", "something_new"):
        assert "cus_123" not in reply_for(code, "cus_123")
    assert reply_for("invalid", "Give a day.") == "Give a day."
    assert all("\n" not in words for words in DECLARED.values())


def test_the_tool_and_the_calls_report_use_the_same_escalation_reasons():
    """The tool and the call's report use the same reasons, so that they open the same work item."""
    reported = {follows.escalation for follows in CONSEQUENCES.values() if follows.escalation}
    assert reported <= set(REASONS)
    assert set(REASONS) <= set(work_items.REASONS)


def called_with(arguments: str) -> ToolInvocation:
    """Return a tool call whose arguments are JSON text."""
    asked = {"id": "t1", "function": {"name": "requestHuman", "arguments": arguments}}
    (called,) = read_tool_calls({"message": {"toolCallList": [asked]}})
    return called


def test_tool_arguments_that_nest_too_deeply_are_left_out():
    for depth in range(0, 2 * MOST_READ, 100):
        deep = f'{{"note": {"[" * depth}"{CARD}"{"]" * depth}, "reason": "other"}}'
        called = called_with(deep)
        assert CARD not in str(called.arguments)
        assert called.arguments.get("reason", "other") == "other"


def test_removing_unstorable_characters_is_not_reported_as_a_card_number():
    called = called_with(r'{"note": "a\u0000b \ud83d", "\u0000": 1}')
    assert called.arguments == {"note": "ab \ufffd", "": 1}
    assert not called.had_card_number


def test_a_card_number_used_as_an_arguments_name_is_found():
    called = called_with(f'{{"{CARD}": "note"}}')
    assert called.had_card_number
    assert CARD not in str(called.arguments)
