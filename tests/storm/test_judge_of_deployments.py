"""The judge finds what a deployed clinic pays for and does not have, or has and does not pay for:
each test starts with a live one.
"""

import pytest

from tests.storm.judge import judge
from tests.storm.test_judge import asked, condemned, in_order, row_of

SID = "PN1"


@pytest.fixture
def live():
    """A clinic that was charged 99.00, bought a number, and has an assistant and a file."""
    evidence = in_order()
    deployment = {"id": "dep_1", "account_id": "ac_3", "status": "live", "fee": 9_900}
    step = {"id": "dst_1", "deployment_id": "dep_1", "name": "charge", "state": "done"}
    line = {
        "id": "ln_1",
        "account_id": "ac_3",
        "twilio_sid": SID,
        "state": "owned",
        "holds_slot": True,
    }
    resource = {"provider": "vapi", "state": "made", "name": "receptionist", "provider_id": "a-1"}
    evidence.rows |= {
        "deployment": [deployment | {"holds_slot": False}],
        "deployment_step": [step],
        "phone_line": [line | {"e164": "+12125550177", "vapi_id": "n-1"}],
        "resource": [resource],
    }
    evidence.numbers = {SID: {"phone_number": "+12125550177", "friendly_name": "pp-ln_1"}}
    evidence.at_vapi = {
        "assistant": [{"id": "a-1", "name": "pp-dst_1"}],
        "phone-number": [{"id": "n-1"}],
    }
    fee = {"id": "pi_9", "account": "", "currency": "usd", "amount_received": 9_900}
    tags = {"account_id": "ac_3", "invoice_id": "", "attempt_id": "dst_1"}
    evidence.intents.append(fee | {"status": "succeeded", "metadata": tags})
    evidence.asked.append(asked("deploy", "/api/accounts/ac_3/deployments", {"id": "dep_1"}))
    handed_in = "/api/accounts/ac_3/knowledge-files"
    evidence.asked.append(asked("file", handed_in, {"id": "kf_1"}, {"name": "hours.txt"}, 201))
    evidence.rows["knowledge_file"] = [{"id": "kf_1", "name": "hours.txt", "state": "done"}]
    evidence.at_vapi["file"] = [{"id": "f-1", "originalName": "hours.txt"}]
    return evidence


def another(evidence, **step):
    """Add another account's deployment, with one step, and its line."""
    deployment = {"id": "dep_9", "account_id": "ac_9", "status": "failed", "holds_slot": True}
    evidence.rows["deployment"].append(deployment | {"fee": 0})
    row = {"id": "dst_9", "deployment_id": "dep_9", "name": "charge", "state": "done"}
    evidence.rows["deployment_step"].append(row | step)
    line = {"id": "ln_9", "account_id": "ac_9", "twilio_sid": None, "vapi_id": None}
    evidence.rows["phone_line"].append(line | {"state": "wanted", "holds_slot": True})


def dead(evidence, name, key):
    """Add a dead job."""
    job = {"name": name, "key": key, "state": "dead", "last_error": "Vapi"}
    evidence.rows["staged_job"].append(evidence.rows["staged_job"][0] | job)


def test_a_correct_live_clinic_is_no_breach(live):
    assert judge(live) == []


def test_a_lost_accepted_deployment_is_a_breach(live):
    row_of(live, "deployment", id="dep_2")
    condemned(live, "dep_1", "is not there")


def test_a_deployment_that_never_ends_is_a_breach_unless_its_job_is_dead(live):
    row_of(live, "deployment", status="rolling_back", holds_slot=True)
    condemned(live, "dep_1 is still rolling_back")
    dead(live, "undo_deployment_step", "dst_1")
    assert judge(live) == [], "it is openly dead"


def test_a_dead_job_of_a_phone_line_excuses_only_its_own_account(live):
    row_of(live, "deployment", status="running", holds_slot=True)
    another(live)
    for key in ("dst_9", "ln_9"):
        dead(live, "purchase_number", key)
    condemned(live, "dep_1 is still running")
    dead(live, "purchase_number", "ln_1")
    assert judge(live) == []


def test_a_number_that_belongs_to_no_line_is_a_breach(live):
    row_of(live, "phone_line", holds_slot=False, state="released")
    condemned(live, "+12125550177", "paid for by nobody")


def test_a_line_without_a_number_at_twilio_is_a_breach(live):
    live.numbers.clear()
    condemned(live, "ln_1", "not at Twilio")


def test_two_numbers_bought_for_one_line_are_a_breach(live):
    live.numbers["PN2"] = live.numbers[SID] | {"phone_number": "+12125550178"}
    condemned(live, "2 numbers were bought for pp-ln_1")


def test_an_orphaned_assistant_is_a_breach_unless_a_person_is_to_undo_it(live):
    row_of(live, "resource", state="released")
    another(live, state="undo_failed")
    condemned(live, "assistant a-1", "nobody has it")
    row_of(live, "deployment_step", state="undo_failed")
    assert judge(live) == [], "a person is to undo it"


@pytest.mark.parametrize("tag", ["pp-dst_1", "pp-ln_1"])
def test_an_orphaned_tool_is_a_breach_unless_a_person_is_to_undo_it(live, tag):
    live.at_vapi["tool"] = [{"id": "t-1", "knowledgeBases": [{"name": tag, "fileIds": []}]}]
    condemned(live, f"tool t-1 ({tag})", "nobody has it")
    row_of(live, "deployment_step", state="undo_failed")
    assert judge(live) == []


def test_an_orphaned_trunk_is_a_breach(live):
    live.trunks = [{"sid": "TK1", "friendly_name": "pp-1"}]
    condemned(live, "trunk TK1 (pp-1)", "nobody has it")
    trunk = {"provider": "twilio", "state": "made", "name": "trunk", "provider_id": "TK1"}
    live.rows["resource"].append(trunk)
    assert judge(live) == []


def test_a_missing_assistant_of_a_live_clinic_is_a_breach(live):
    live.at_vapi["assistant"].clear()
    condemned(live, "receptionist a-1 is not at its provider")


def test_a_fee_kept_after_a_rollback_is_a_breach(live):
    row_of(live, "deployment", status="rolled_back")
    another(live, state="undo_failed")
    condemned(live, "dep_1 is rolled_back", "9900 was kept")
    row_of(live, "deployment_step", name="number", state="undo_failed")
    condemned(live, "dep_1 is rolled_back", "9900 was kept")
    row_of(live, "deployment_step", name="charge")
    assert judge(live) == [], "a person is to refund it"
    row_of(live, "deployment_step", state="undone")
    back = {"id": "re_9", "payment_intent": "pi_9", "amount": 9_900, "status": "succeeded"}
    live.refunds.append(back | {"metadata": {"attempt_id": "dst_1"}})
    assert judge(live) == []


def test_a_fee_charged_twice_is_a_breach(live):
    live.intents.append(live.intents[-1] | {"id": "pi_10"})
    condemned(live, "dep_1 was charged 2 times")


def test_an_accepted_file_that_is_not_at_vapi_is_a_breach(live):
    live.at_vapi["file"].clear()
    condemned(live, "file hours.txt was handed in", "at Vapi 0 times")
    live.rows["knowledge_file"].clear()
    condemned(live, "file hours.txt was accepted, and is not there")


def test_a_file_that_is_at_vapi_twice_is_a_breach(live):
    live.at_vapi["file"] *= 2
    condemned(live, "file hours.txt is at Vapi 2 times")


def test_a_deleted_file_that_is_still_at_vapi_is_a_breach(live):
    path = "/api/accounts/ac_3/knowledge-files/kf_1"
    live.asked.append(asked("delete file", path, {}, status=204, file="kf_1"))
    row_of(live, "knowledge_file", state="deleted")
    condemned(live, "file hours.txt was deleted, is deleted, and at Vapi 1 times")
    live.at_vapi["file"].clear()
    assert judge(live) == []


def test_a_deleted_file_may_stay_at_vapi_only_while_the_receptionist_searches_it(live):
    path = "/api/accounts/ac_3/knowledge-files/kf_1"
    live.asked.append(asked("delete file", path, {}, status=204, file="kf_1"))
    row_of(live, "knowledge_file", state="deleting", vapi_id="f-1")
    condemned(live, "file hours.txt was deleted, is deleting, and at Vapi 1 times")
    tool = {"id": "t-1", "knowledgeBases": [{"name": "pp-dst_2", "fileIds": ["f-1"]}]}
    live.at_vapi["tool"] = [tool]
    another_tool = live.rows["resource"][0] | {"name": "query_tool", "provider_id": "t-1"}
    live.rows["resource"].append(another_tool)
    assert judge(live) == []
    row_of(live, "knowledge_file", state="deleted")
    condemned(live, "file hours.txt was deleted, is deleted, and at Vapi 1 times")
