"""The meaning of each `endedReason` of a call."""

import pytest

from rules.calling.call_states import STATES, merged_state, state_of
from rules.calling.ended_reasons import BROKE_OFF, NOT_PLACED, UNKNOWN, meaning_of
from rules.contact.policy import OUTCOMES, outcome_of
from tests.stand_ins.vapi_shapes import SPEC, spec

needs_spec = pytest.mark.skipif(not SPEC.is_file(), reason="PAYPHONE_SPECS names no folder")


@needs_spec
def test_every_published_ended_reason_is_classified():
    """Given Vapi's own list, then each reason has a meaning and an outcome in the policy, and only
    calls that failed to start are placed again.
    """
    for shape in ("Call", "ServerMessageEndOfCallReport", "ServerMessageStatusUpdate"):
        words = spec()["components"]["schemas"][shape]["properties"]["endedReason"]["enum"]
        assert len(words) > 600
        assert [word for word in words if meaning_of(word) is UNKNOWN] == []
        assert {meaning_of(word).outcome for word in words} <= set(OUTCOMES)
        again = {word for word in words if meaning_of(word).again}
        assert again == {word for word in again if word.startswith("call.start.")}


@pytest.mark.parametrize(
    "word",
    [
        "call.in-progress.error-providerfault-transport-never-connected",
        "call.in-progress.error-vapifault-transport-never-connected",
        "call.in-progress.error-vapifault-worker-not-available",
        "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable",
        "call.ringing.error-sip-inbound-call-failed-to-connect",
        "call.in-progress.error-sip-outbound-call-failed-to-connect",
    ],
)
def test_a_call_that_failed_after_its_start_counts_as_a_contact(word):
    """Given a call that failed after its start, then it counts as a contact, and is not placed
    again at once.
    """
    meaning = meaning_of(word)
    assert (meaning.outcome, meaning.again) == (BROKE_OFF, False)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("customer-busy", "busy"),
        ("customer-did-not-answer", "no_answer"),
        ("voicemail", "voicemail"),
        ("customer-ended-call", "hung_up"),
        ("assistant-ended-call", "spoke"),
        ("silence-timed-out", "silent"),
        ("twilio-reported-customer-misdialed", "dead_line"),
        ("call.start.error-subscription-insufficient-credits", NOT_PLACED),
        (
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
            "no_answer",
        ),
        ("call.in-progress.error-vapifault-worker-died", "broke_off"),
        ("manually-canceled", "in_doubt"),
    ],
)
def test_an_ended_reason_maps_to_its_outcome(word, outcome):
    assert meaning_of(word).outcome == outcome


@pytest.mark.parametrize("word", ["", "a-new-word", "customer-busy-now", "xcustomer-busy"])
def test_an_unknown_ended_reason_goes_to_a_person_and_counts_as_the_strictest(word):
    assert meaning_of(word) is UNKNOWN
    assert outcome_of(UNKNOWN.outcome) == OUTCOMES["in_doubt"]


def test_only_dead_busy_and_unplaced_calls_do_not_count_as_contacts():
    """Given the outcomes of calls, then only a dead line, a busy line and a call that was never
    placed do not count as contacts.
    """
    free = {name for name, outcome in OUTCOMES.items() if not outcome.connected}
    assert free == {"dead_line", "busy", NOT_PLACED}


def test_a_late_report_never_moves_a_call_to_an_earlier_state():
    assert merged_state("unknown", "ringing") == "ringing"
    assert merged_state("in_progress", "ringing") == "in_progress"
    assert merged_state("ended", state_of("in-progress")) == "ended"
    assert merged_state("queued", state_of("not-found")) == "queued"
    assert {state_of(word) for word in ("scheduled", "forwarding", "ended")} <= STATES
