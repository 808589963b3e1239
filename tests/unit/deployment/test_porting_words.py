"""Every status of a port, and every refusal by a carrier, is explained with what to do."""

import pytest

from rules.deployment.porting import (
    ACT,
    DONE,
    NOT_PORTABLE,
    OVER,
    WAIT,
    advice,
    port_of,
    why_not_portable,
)
from rules.deployment.sip import domain_of, sip_address_at_vapi, trunk_at_vapi

# statuses of a request and of its number, as Twilio's pages and others' code write them
STATUSES = [
    ("In Review", "In Review", WAIT),
    ("pending", "", WAIT),
    ("Waiting for Signature", "Waiting for Signature", ACT),
    ("waiting_for_signature", "In Review", ACT),
    ("In Progress", "Submitted", WAIT),
    ("In progress", "Pending", WAIT),
    ("Action Required", "Rejected", ACT),
    ("In Progress", "rejected", ACT),
    ("Completed", "Completed", DONE),
    ("In Progress", "completed", DONE),
    ("Expired", "In Review", OVER),
    ("Canceled", "Canceled", OVER),
    ("cancelled", "", OVER),
    ("A word of next year's", "", WAIT),
]


@pytest.mark.parametrize(("request_status", "number_status", "what"), STATUSES)
def test_each_port_status_is_explained(request_status, number_status, what):
    port = port_of({"status": request_status}, {"status": number_status})
    assert (port.what, bool(port.words), "{" in port.words) == (what, True, False)


def test_the_explanation_names_the_scheduled_port_date():
    number = {"status": "Pending", "port_date": "2026-12-09T15:00:00Z"}
    assert "It moves on 2026-12-09." in port_of({"status": "In Progress"}, number).words


# a port in its order: Twilio takes it, checks it and asks the carrier, which sets a day
COURSE = [
    ("pending", "pending", "", "Twilio has taken"),
    ("In Review", "In Review", "", "Twilio is checking"),
    ("In Progress", "Submitted", "", "Your carrier has the port request"),
    ("In Progress", "Pending", "", "Your carrier has the port request"),
    ("In Progress", "Pending", "2026-12-09T15:00:00Z", "Your carrier has the port request"),
    ("", "Pending", "2026-12-09T15:00:00Z", "Your carrier has the port request"),
]


@pytest.mark.parametrize(("request_status", "number_status", "day", "words"), COURSE)
def test_a_port_never_seems_to_step_back(request_status, number_status, day, words):
    """Given a request that the carrier has, when its number turns pending, then the message still
    says so; a request that is itself pending has only been taken by Twilio.
    """
    port = port_of({"status": request_status}, {"status": number_status, "port_date": day})
    assert port.words.startswith(words)
    assert ("It moves on 2026-12-09." in port.words) == bool(day)


@pytest.mark.parametrize(
    ("reason", "todo"),
    [
        ("Invalid PIN", "PIN"),
        ("Account number does not match", "account number"),
        ("Name mismatch", "name and representative"),
        ("Service Address mismatch", "address exactly"),
        ("Unsatisfactory business relationship", "Settle it"),
        ("Port protection is on", "lift the lock"),
        ("Number is inactive", "back in service"),
        ("Pending order on the account", "open order"),
        ("Something else altogether", "Ask your carrier what is wrong"),
    ],
)
def test_each_port_rejection_says_what_to_do(reason, todo):
    told = advice(reason)
    assert todo in told
    assert "deploy again" in told


@pytest.mark.parametrize("code", [*NOT_PORTABLE, "99999"])
def test_each_number_that_cannot_be_ported_says_what_to_do(code):
    told = why_not_portable(code, "Because")
    assert told.startswith("Because. ")
    assert len(told) > len("Because. ")


def test_the_trunk_is_named_by_its_domain_and_accepts_calls_only_from_ip_addresses():
    assert domain_of("sip:pp-a1.pstn.twilio.com") == "pp-a1.pstn.twilio.com"
    assert sip_address_at_vapi("+1202", "c1", "https://api.vapi.ai") == "sip:+1202@c1.sip.vapi.ai"
    assert (
        sip_address_at_vapi("+1202", "c1", "https://api.eu.vapi.ai")
        == "sip:+1202@c1.sip.eu.vapi.ai"
    )
    for gateway in trunk_at_vapi()["gateways"]:
        assert gateway["ip"].replace(".", "").isdigit()
        assert (gateway["inboundEnabled"], gateway["outboundEnabled"]) == (True, False)
