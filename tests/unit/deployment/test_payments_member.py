"""The payments member as rendered: its opening, objections, tools, voicemail and card protocol."""

import re
from dataclasses import replace

import pytest

from actions.calling.tools.dispatch import TOOLS
from rules.calling.outbound import render_call
from rules.calling.tool_definitions import PAY, REASONS
from rules.contact.opt_out.words import keyword_of
from rules.deployment.card_entry import render_card_entry
from rules.deployment.payments_member import OBJECTIONS, payments_opening, render_payments
from rules.deployment.rendering import Clinic
from rules.deployment.squad import Member, render_squad

CLINIC = Clinic(
    business_name="Bright Smile Dental",
    clinic_number="+12125550123",
    time_zone="America/New_York",
    public_url="https://pay.example.com",
)
SPANISH = replace(CLINIC, language="es")
DEBT = ("bill", "debt", "invoice", " owe", "payment", "overdue", "factura", "deuda", "pago")


def prompt_of(body):
    (message,) = body["model"]["messages"]
    return " ".join(message["content"].split())


def functions_of(body):
    return {
        tool["function"]["name"]: tool
        for tool in body["model"]["tools"]
        if tool["type"] == "function"
    }


@pytest.mark.parametrize("clinic", [CLINIC, SPANISH], ids=["en", "es"])
def test_the_opening_names_the_clinic_the_ai_the_number_and_how_to_opt_out(clinic):
    """Given that a stranger or a mailbox can answer, then the opening says all of this and mentions
    no debt.
    """
    said = payments_opening(clinic)
    assert "Bright Smile Dental" in said.split(".")[0]
    assert "AI assistant" in said.split(".")[0] or "inteligencia artificial" in said.split(".")[0]
    assert "2 1 2, 5 5 5, 0 1 2 3" in said
    assert ("say stop" in said and "press nine" in said) or (
        "diga alto" in said and "marque nueve" in said
    )
    assert not [word for word in DEBT if word in said.lower()]
    assert render_payments(clinic)["firstMessage"] == said


@pytest.mark.parametrize("clinic", [CLINIC, SPANISH], ids=["en", "es"])
def test_a_voicemail_message_contains_only_name_and_number(clinic):
    body = render_payments(clinic)
    said = body["voicemailMessage"]
    assert "Bright Smile Dental" in said
    assert said.count("2 1 2, 5 5 5, 0 1 2 3") == 2
    assert not [word for word in DEBT if word in said.lower()]
    assert 25 <= body["voicemailDetection"]["beepMaxAwaitSeconds"] <= 30


def test_each_objection_has_an_answer_that_calls_a_tool_or_offers_a_person():
    """Given each common objection, then the prompt answers it; the reasons it names exist."""
    body = render_payments(CLINIC)
    said = prompt_of(body)
    heard = " ".join(OBJECTIONS).lower()
    for what in (
        "cannot pay now",
        "paid already",
        "amount is wrong",
        "wrong person",
        "call me later",
        "robot",
        "stop calling",
        "insurance",
        "lawyer",
    ):
        assert what in heard
    for when, then in OBJECTIONS.items():
        assert f"- {when}: {then}" in said
        tools = set(re.findall(r"\b[Cc]all (\w+)", then)) & set(functions_of(body))
        assert tools or then.endswith("and offer a person."), when
    for reason in ("instalments", "hardship", "dispute", "insurance", "attorney", "already_paid"):
        assert f"reason {reason}" in said.replace("with the reason ", "reason ")
        assert reason in REASONS


def test_the_member_has_each_tool_of_our_api_and_its_prompt_names_them():
    """Given the tools that our API answers, then the member has each of them but the receptionist's
    free times, once.
    """
    body = render_payments(CLINIC)
    given = functions_of(body)
    assert set(given) == set(TOOLS) - {"findFreeTimes"}
    said = prompt_of(body)
    assert [name for name in given if name not in said] == []
    names = [tool["function"]["name"] for tool in body["model"]["tools"] if "function" in tool]
    assert len(names) == len(set(names))


def test_the_call_id_comes_from_vapi_and_no_tool_takes_an_id_or_an_amount():
    """Given the model's own arguments, then no invoice, amount or id is among them."""
    for name, tool in functions_of(render_payments(CLINIC)).items():
        paying = [{"key": "by", "value": "saved_card"}] if name == PAY else []
        assert tool["parameters"] == [{"key": "callId", "value": "{{call.id}}"}, *paying]
        assert tool["server"]["url"] == "https://pay.example.com/api/vapi/tools"
        asked = tool["function"]["parameters"]["properties"]
        assert not {"invoiceId", "amount", "phoneNumber", "callId", "cardNumber"} & set(asked), name


def test_a_caller_who_reads_out_a_card_is_stopped_and_not_recorded():
    """Given a caller who reads out a card, then the prompt stops them and forbids repeating a
    digit; the call is not recorded, and its transcript is redacted.
    """
    body = render_payments(CLINIC)
    said = prompt_of(body)
    assert "Please stop, I cannot take card details by phone." in said
    assert "Never repeat a digit of it" in said
    assert "Please do not enter card details here." in said
    assert body["artifactPlan"]["recordingEnabled"] is False
    assert body["transcriber"]["redaction"] == ["pci"]


def test_opting_out_by_voice_or_key_calls_a_tool_at_once():
    body = render_payments(CLINIC)
    said = prompt_of(body)
    assert "Whoever presses 9 wants to be left alone: call stopContact at once." in said
    assert "call the tool stopContact at once, and say that it is done" in said
    assert body["keypadInputPlan"]["enabled"] is True
    # the words that the opening offers also opt out by text
    assert keyword_of("stop") == "stop"
    assert keyword_of("alto") == "stop"


def test_the_prompt_switches_between_english_and_spanish():
    assert "If the caller speaks Spanish, go on in Spanish." in prompt_of(render_payments(CLINIC))
    assert "If the caller speaks English, go on in English." in prompt_of(render_payments(SPANISH))
    assert "Para español, diga español." in payments_opening(CLINIC)


def test_card_entry_is_a_separate_member_without_keypad_input():
    """Given keypad payments, then a separate member takes the card, and hands the call back."""
    entry = render_card_entry(replace(CLINIC, keypad_payments=True))
    assert entry["keypadInputPlan"] == {"enabled": False}
    assert entry["artifactPlan"]["recordingEnabled"] is False
    by_keypad = functions_of(entry)[PAY]
    # fixed, whatever the model says; the payments member's is always the card on file
    assert {"key": "by", "value": "keypad"} in by_keypad["parameters"]
    by_keypad = by_keypad["function"]
    assert by_keypad["parameters"]["properties"]["by"]["enum"] == ["keypad"]
    members = (Member("a-1", "tag-1"), Member("a-2", "tag-2"))
    _, bills, typing = render_squad(*members, entry)["members"]
    there = bills["assistantOverrides"]["tools:append"][1]
    (back,) = typing["assistantOverrides"]["tools:append"]
    assert there["destinations"][0]["assistantName"] == entry["name"]
    assert back["destinations"][0]["assistantName"] == "tag-2"
    assert there["function"]["name"] in prompt_of(
        render_payments(replace(CLINIC, keypad_payments=True))
    )
    assert back["function"]["name"] in prompt_of(entry)
    # without keypad payments, nothing leads there
    assert there["function"]["name"] not in prompt_of(render_payments(CLINIC))
    assert len(render_squad(*members)["members"]) == 2


def test_an_outbound_call_begins_with_the_payments_member_with_card_entry_too():
    bills, reception = Member("a-2", "tag-2"), Member("a-1", "tag-1")
    where = {"call_id": "c", "phone_number_id": "p", "to": "+12025550123"}
    who = {"payments": bills, "receptionist": reception}
    for entry in (None, render_card_entry(CLINIC)):
        members = render_call(**where, **who, card_entry=entry)["squad"]["members"]
        assert [each.get("assistantId") for each in members[:2]] == ["a-2", "a-1"]
