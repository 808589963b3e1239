"""The judge finds breaches about ported numbers, connected calendars and rows that grow old: each
test starts with books in order.
"""

import pytest

from rules.calling.call_analysis import CONSEQUENCES
from rules.contact.policy import OUTCOMES
from sandbox.vapi.callers import SCRIPTS
from tests.storm.judge import judge
from tests.storm.retention import DAY
from tests.storm.test_judge import NOON, SECOND, asked, condemned, in_order, row_of

NUMBER = "+12125550171"
WORDS = "AI: May I have your name?\nUser: Pat Doe."


def port(sid, begun, status="Completed", updated="2026-11-30T12:00:30Z"):
    losing = {"customer_name": "Bay Clinic"}
    made = {"port_in_request_sid": sid, "date_created": f"2026-11-30T12:00:{begun:02d}Z"}
    made |= {"port_in_request_status": status, "updated": updated}
    numbers = [{"phone_number": NUMBER}]
    return made | {"losing_carrier_information": losing, "phone_numbers": numbers}


@pytest.fixture
def ported():
    """A clinic whose first port request was cancelled, and whose second brought the number."""
    evidence = in_order()
    evidence.rows["account"] = [{"id": "ac_4", "name": "Bay Clinic", "stripe_account": None}]
    evidence.rows["account"].append({"id": "ac_1", "name": "Hill Clinic", "stripe_account": None})
    line = {"id": "ln_1", "account_id": "ac_4", "e164": NUMBER, "source": "ported"}
    line |= {"state": "owned", "holds_slot": True, "twilio_sid": "PN1", "vapi_id": None}
    evidence.rows["phone_line"] = [line]
    evidence.numbers = {"PN1": {"phone_number": NUMBER, "friendly_name": "pp-ln_1"}}
    evidence.ports = [port("KW1", 1, "Canceled", "2026-11-30T12:00:05Z"), port("KW2", 6)]
    return evidence


def test_a_number_that_has_moved(ported):
    assert judge(ported) == []


def test_two_port_requests_at_a_time(ported):
    ported.ports[0]["updated"] = "2026-11-30T12:00:07Z"
    condemned(ported, NUMBER, "two open port requests", "KW1 and KW2")


def test_a_number_that_is_requested_again_once_it_has_moved(ported):
    ported.ports[0]["port_in_request_status"] = "Completed"
    condemned(ported, NUMBER, "had moved, and was requested again")
    released = ported.ports[0] | {"updated": "2026-11-30T12:00:04Z"}
    ported.ports[0] = released
    ported.let_go = [{"account": "ac_4", "at": 1796040005.0}]
    assert judge(ported) == []


@pytest.mark.parametrize("wrong", [{"holds_slot": False}, {"account_id": "ac_1"}])
def test_a_number_that_has_moved_and_is_not_its_clinics(ported, wrong):
    row_of(ported, "phone_line", **wrong)
    condemned(ported, f"{NUMBER} moved for ac_4")


def test_a_number_that_has_moved_and_was_lost(ported):
    ported.numbers.clear()
    condemned(ported, f"{NUMBER} moved for ac_4", "at Twilio: False")


def test_a_number_that_is_said_to_have_moved(ported):
    ported.ports.pop()
    condemned(ported, f"line ln_1 has {NUMBER}, which never moved to ac_4")


def test_a_port_request_that_nobody_has(ported):
    ported.ports.append(port("KW3", 31, "In Review"))
    condemned(ported, "port request KW3 is In Review, and nobody has it")


@pytest.fixture
def connected():
    """A clinic that has connected its practice's software."""
    evidence = in_order()
    consent = {"account": "ac_1", "provider": "dentos", "code": "c-1", "said": "is connected"}
    evidence.consents = [consent | {"begun": NOON, "ended": NOON + 2}]
    evidence.grants = {"oauth": {"live": [{"code": "c-1"}], "ended": []}}
    row = {"id": "int_1", "account_id": "ac_1", "provider": "dentos", "state": "connected"}
    evidence.rows["integration"] = [row | {"current": True, "sealed": "…", "error": ""}]
    return evidence


def ended(evidence, how, since=0.0):
    evidence.grants["oauth"]["live"].clear()
    evidence.grants["oauth"]["ended"] = [
        {"code": "c-1", "how": how, "at": NOON + 60, "since": since}
    ]


def disconnects(evidence, at=NOON + 50):
    about = {"account": "ac_1", "provider": "dentos"}
    one = asked("disconnect", "/api/accounts/ac_1/integrations/dentos", {}, status=204, **about)
    one.begun, one.ended = at, at + 1
    evidence.asked.append(one)
    row_of(evidence, "integration", state="revoked", current=False, sealed="")


def test_a_practice_that_is_connected(connected):
    assert judge(connected) == []


def test_a_refresh_token_that_two_used_at_once(connected):
    ended(connected, "used again", 60.5)
    row_of(connected, "integration", state="expired")
    assert judge(connected) == [], "the answer to its renewal had been lost"
    ended(connected, "used again", 0.2)
    condemned(connected, "refresh token of ac_1 at dentos", "again after 0.2 s")


def test_a_connection_that_does_not_work(connected):
    ended(connected, "withdrawn")
    condemned(connected, "int_1", "is connected, and its consent has ended")


def test_a_consent_that_was_revoked_for_no_reason(connected):
    ended(connected, "revoked")
    disconnects(connected)
    assert judge(connected) == []
    connected.asked.pop()
    condemned(connected, "ac_1 at dentos was revoked, and nobody asked for it")
    disconnects(connected, NOON - 10)
    condemned(connected, "nobody asked for it")


def test_a_consent_that_was_left_behind(connected):
    disconnects(connected)
    condemned(connected, "('ac_1', 'dentos') is not connected, and its last consent")
    row_of(connected, "integration", error="Remove Payphone's access there by hand.")
    assert judge(connected) == []
    row_of(connected, "integration", sealed="…")
    condemned(connected, "int_1", "credential is still kept")


@pytest.fixture
def old():
    """A call of three months ago, of which Vapi still has the words."""
    evidence = in_order()
    call = {"id": "call_1", "vapi_id": "v-1", "state": "ended", "customer_id": "cu_1"}
    call |= {"created_at": int(evidence.now - 91 * DAY), "reported_at": NOON * SECOND}
    call |= {"transcript": "", "summary": "", "is_recorded": False, "attempted_at": None}
    effect = {"id": "eff_9", "kind": "call", "key": "call:call_1", "state": "confirmed"}
    evidence.rows["effect"].append(effect | {"provider_id": "v-1", "created_at": 0})
    evidence.rows["call"] = [call]
    decision = {"id": "dec_1", "effect_id": "eff_9", "channel": "voice", "allowed": False}
    evidence.rows["contact_decision"].append(decision | {"phone": "", "at": 0})
    told = {"id": "v-1", "name": "eff_9", "artifact": {"transcript": WORDS}}
    told |= {"phoneNumberId": "n-1", "customer": {"number": ""}, "createdAt": ""}
    evidence.came_in = [told | {"status": "ended", "analysis": {"structuredData": {}}}]
    call["direction"] = "inbound"
    call["account_id"] = "ac_1"
    evidence.rows["call"] = [call]
    return evidence


def test_a_call_that_is_old(old):
    assert judge(old) == []


@pytest.mark.parametrize("more", [{"transcript": WORDS}, {"summary": "x"}, {"is_recorded": True}])
def test_a_call_that_is_too_old_to_hold_what_was_said(old, more):
    row_of(old, "call", **more)
    condemned(old, "call call_1 is too old, and holds what was said")


def test_what_was_said_that_lies_somewhere_else(old):
    old.rows["outgoing_event"] = [{"account_id": "ac_1", "payload": {"call": "v-1", "is": WORDS}}]
    condemned(old, "call call_1 is too old", "is in outgoing_event")


def test_a_call_that_lost_its_words_too_early(old):
    old.calls, old.came_in = old.came_in, []
    row_of(old, "call", created_at=old.now)
    condemned(old, "call call_1 has lost what was said in it")


def test_a_job_and_a_bill_that_are_too_old(old):
    row_of(old, "staged_job", id=7, finished_at=int(old.now - 40 * DAY))
    condemned(old, "job 7", "too old")
    row_of(old, "staged_job", finished_at=None)
    bill = {"id": "pdoc_1", "account_id": "ac_1", "content": b"%PDF"}
    old.rows["port_document"] = [bill | {"created_at": int(old.now - 401 * DAY)}]
    condemned(old, "bill pdoc_1 is too old")
    deployment = {"id": "dep_1", "account_id": "ac_1", "holds_slot": True, "status": "failed"}
    old.rows["deployment"] = [deployment | {"fee": 0}]
    assert judge(old) == [], "a deployment may need it"


def test_money_that_was_deleted(old):
    old.noted = {"payment": {"pay_1", "pay_2"}}
    condemned(old, "1 rows of payment are gone, such as pay_2")


def test_no_stand_in_sums_a_call_up_in_words_that_are_ours():
    """Else our own note on an invoice would be taken for what was said in an old call."""
    ours = {each.words for each in CONSEQUENCES.values()} | {
        each.what for each in OUTCOMES.values()
    }
    assert not {script.summary.lower().rstrip(".") for script in SCRIPTS.values()} & ours
