"""The judge finds breaches of people's decisions, and events that the clinic's software did not
get: each test starts with books in order.
"""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.storm.judge import judge
from tests.storm.test_judge import NOON, SECOND, asked, condemned, in_order, row_of

PHONE = "+12025550123"
KEY = "whsec_c2VjcmV0LW9mLXRoZS1jbGluaWM="


@pytest.fixture
def evidence():
    """One text that asks for money was allowed at noon."""
    found = in_order()
    about = {"customer_id": "cu_1", "account_id": "ac_1", "invoice_id": "inv_1"}
    row_of(found, "contact_decision", **about)
    row_of(found, "message", kind="payment_link")
    return found


def answered(evidence, one, ended):
    """Add a request that was answered `ended` seconds after noon, a second after it was sent."""
    one.begun, one.ended = NOON + ended - 1, NOON + ended
    evidence.asked.append(one)


def of_person(what, path, body=None, **about):
    about = {"customer": "cu_1", "account": "ac_1", "invoice": "inv_1"} | about
    return asked(what, path, {"id": f"{what}_1"}, body, **about)


DECISIONS = {
    "hold": {"kind": "attorney"},
    "escalate": {"reason": "attorney"},
    "opt out": {},
    "new phone": {"phone": "+12025560000"},
    "promise": {},
    "quiet day": {"quietDays": ["monday"]},
}
TABLES = {"hold": "hold", "escalate": "work_item", "opt out": "opt_out", "promise": "promise"}


@pytest.mark.parametrize("what", DECISIONS)
def test_a_text_after_a_decision_against_contact_is_a_breach(evidence, what):
    row = {"id": f"{what}_1", "state": "open", "resolution": None, "phone": PHONE, "wish": "stop"}
    if what in TABLES:
        evidence.rows[TABLES[what]] = [row | {"account_id": "ac_1"}]
    evidence.rows["customer"] = [{"id": "cu_1", "phone": "+12025560000"}]
    path, body = "/api/customers/cu_1/x", DECISIONS[what]
    one = of_person(what, path, body, phone=PHONE, before=PHONE)
    answered(evidence, one, 5)
    assert judge(evidence) == []
    one.ended = NOON - 5
    condemned(evidence, "a sms to cu_1", "5.0 s after", what)


def test_an_answer_or_a_text_after_a_lifted_hold_is_no_breach(evidence):
    """Given a hold, then an answer to the customer is in order, and so is a text after the hold is
    lifted.
    """
    evidence.rows["hold"] = [{"id": "hold_1"}]
    answered(evidence, of_person("hold", "/api/customers/cu_1/holds"), -9)
    condemned(evidence, "hold")
    row_of(evidence, "message", kind="answer")
    resolves(evidence, "reply", messageId="msg_1")
    assert judge(evidence) == []
    row_of(evidence, "message", kind="payment_link")
    evidence.asked.pop()
    lift = asked("lift", "/api/customers/cu_1/holds/hold_1", {}, status=204)
    answered(evidence, lift, -2)
    assert judge(evidence) == []


@pytest.mark.parametrize(
    ("what", "words"), [("texts", "texts paused"), ("charges", "charges were")]
)
def test_a_text_or_charge_during_a_pause_is_a_breach(evidence, what, words):
    charge = {"id": "eff_9", "kind": "intent_confirm", "key": "intent_confirm:cnf_1"}
    charge |= {"account_id": "ac_1", "created_at": NOON * SECOND, "state": "confirmed"}
    evidence.rows["effect"].append(charge)
    pause = {"account": "ac_1", "what": what, "since": NOON - 3, "until": NOON - 1}
    evidence.paused = [pause]
    assert judge(evidence) == []
    evidence.paused = [pause | {"until": NOON + 1}]
    condemned(evidence, words)


def test_a_start_recorded_over_a_later_stop_is_a_breach(evidence):
    stop, start = ({"phone": PHONE, "sid": sid, "heard_at": NOON} for sid in ("SM7", "SM8"))
    evidence.stops = [stop | {"said_at": NOON + 20, "heard_at": NOON + 100}]
    evidence.starts = [start | {"said_at": NOON + 10}]
    row = {"phone": PHONE, "account_id": None, "wish": "stop", "channels": '["sms"]'}
    evidence.rows["opt_out"] = [row | {"id": "opt_1", "at": 1}]
    assert judge(evidence) == []
    evidence.rows["opt_out"].append(row | {"id": "opt_2", "at": 2, "wish": "start"})
    condemned(evidence, f"the last word of {PHONE} was STOP")


def test_a_text_after_a_start_is_no_breach(evidence):
    stop = {"phone": PHONE, "sid": "SM7", "said_at": NOON - 60, "heard_at": NOON - 50}
    evidence.stops = [stop]
    row = {"phone": PHONE, "account_id": None, "wish": "stop", "channels": '["sms"]'}
    evidence.rows["opt_out"] = [row | {"id": "opt_1", "at": 1}]
    condemned(evidence, "after their STOP")
    evidence.starts = [stop | {"sid": "SM8", "said_at": NOON - 40}]
    assert judge(evidence) == []


def resolves(evidence, action, **context):
    item = {"id": "wki_1", "state": "resolved", "resolution": action}
    evidence.rows["work_item"] = [item]
    answer = {"id": "wki_1", "context": context}
    evidence.asked.append(
        asked("resolve", "/api/work-items/wki_1/resolve", answer, {"action": action})
    )


def test_a_work_item_with_two_calls_made_is_a_breach(evidence):
    resolves(evidence, "called", madeCallId="call_1")
    by_hand = {"id": "call_1", "state": "ended", "ended_reason": "made-by-hand", "vapi_id": None}
    by_hand |= {"attempted_at": None, "customer_id": "cu_1"}
    evidence.rows["call"] = [by_hand]
    assert judge(evidence) == []
    evidence.rows["call"].append(by_hand | {"id": "call_2"})
    condemned(evidence, "call call_2 was made by no answer")


def test_two_concurrent_resolutions_with_different_calls_are_a_breach(evidence):
    by_hand = {"state": "ended", "ended_reason": "made-by-hand", "vapi_id": None}
    by_hand |= {"attempted_at": None, "customer_id": "cu_1"}
    evidence.rows["call"] = [by_hand | {"id": name} for name in ("call_1", "call_2")]
    for place, name in enumerate(("call_1", "call_2")):
        resolves(evidence, "called", madeCallId=name)
        evidence.asked[-1].begun, evidence.asked[-1].ended = NOON + place, NOON + place + 2
    condemned(evidence, "wki_1", "done twice at once")
    evidence.asked[-1].begun, evidence.asked[-1].ended = NOON + 3, NOON + 4
    assert judge(evidence) == [], "it was opened again in between"


def test_a_lost_promised_answer_is_a_breach(evidence):
    resolves(evidence, "reply", messageId="msg_2")
    condemned(evidence, "text msg_2", "is not there")


def test_an_unrequested_resolution_of_a_work_item_is_a_breach(evidence):
    resolves(evidence, "called")
    assert judge(evidence) == []
    row_of(evidence, "work_item", resolution="over", resolved_by="system")  # it had been reopened
    assert judge(evidence) == []
    row_of(evidence, "work_item", resolution="done", resolved_by="key:key_2")
    condemned(evidence, "yet it is done")


def test_a_refund_by_a_work_item_is_no_breach(evidence):
    evidence.asked = [one for one in evidence.asked if one.what != "refund"]
    resolves(evidence, "refund", refundIds=["rfq_1"])
    assert judge(evidence) == []


def test_two_promised_refunds_of_one_payment_are_a_breach(evidence):
    error = "Refund amount ($125.00) is greater than unrefunded amount on charge ($0.00)"
    evidence.rows["refund_request"].append(
        {"id": "rfq_2", "state": "refused", "amount": 12_500, "error": error}
    )
    condemned(evidence, "rfq_2", "there was less")


def test_a_correction_overwritten_by_an_earlier_one_is_a_breach(evidence):
    """Given two corrections, the second of which was sent after the first was answered, then the
    first one's amount is a breach.
    """
    for amount, ended in ((9_000, 10), (12_500, 20)):
        one = of_person("correct", "/api/invoices/inv_1", {"amountDue": amount})
        answered(evidence, one, ended)
    assert judge(evidence) == []
    row_of(evidence, "invoice", amount_due=9_000)
    condemned(evidence, "amount_due of inv_1 is 9000")


def test_a_file_imported_twice_or_wrongly_is_a_breach(evidence):
    row_of(evidence, "invoice", number="I1-0")
    person = {"id": "cu_1", "account_id": "ac_1", "name": "Import 1"}
    evidence.rows["customer"] = [person]
    file = {"account": "ac_1", "who": "Import 1", "rows": [("I1-0", "Import 1", 12_500)]}
    evidence.imported, evidence.asked = [file], evidence.asked[1:]
    assert judge(evidence) == []
    evidence.rows["customer"].append(person | {"id": "cu_2"})
    condemned(evidence, "Import 1 was imported 2 times")
    row_of(evidence, "invoice", amount_due=12_400)
    condemned(evidence, "invoice I1-0 of 12500 was imported", "12400")


@pytest.fixture
def told(evidence):
    """A clinic's software has read one event in the feed and received it by webhook."""
    payload = {"promiseId": "prm_1"}
    row = {"id": 1, "event_id": "oev_1", "account_id": "ac_1", "type": "promise.kept"}
    row |= {"payload": json.dumps(payload), "created_at": NOON * SECOND}
    evidence.rows["outgoing_event"] = [row]
    evidence.rows["webhook_endpoint"] = [{"id": "whe_1", "state": "active", "secret": "sealed"}]
    evidence.feed = {"ac_1": ["oev_1"]}
    one = asked(
        "endpoint", "/api/webhook-endpoints", {"id": "whe_1", "secret": KEY}, account="ac_1"
    )
    answered(evidence, one, -60)
    evidence.hooked = {"ac_1": [signed({"id": "oev_1", "type": "promise.kept", "data": payload})]}
    return evidence


def signed(event, key=KEY):
    body = json.dumps(event).encode()

    at = datetime.fromtimestamp(int(NOON), UTC)  # long before the judge runs
    signature = Webhook(key).sign(event["id"], at, body.decode())
    headers = {"webhook-id": event["id"], "webhook-timestamp": str(int(NOON))}
    return headers | {"webhook-signature": signature}, body


def test_a_complete_feed_with_its_webhooks_is_no_breach(told):
    assert judge(told) == []


@pytest.mark.parametrize("read", [[], ["oev_1", "oev_1"]])
def test_an_event_missing_or_repeated_in_the_feed_is_a_breach(told, read):
    told.feed["ac_1"] = read
    condemned(told, "the feed of ac_1 was read as")


def test_an_event_without_a_valid_webhook_is_a_breach(told):
    told.hooked["ac_1"] = [
        signed({"id": "oev_1", "type": "promise.kept", "data": {}}, f"{KEY[:-4]}AAA=")
    ]
    condemned(told, "oev_1", "came by no webhook")


def test_a_webhook_that_differs_from_the_feed_is_a_breach(told):
    told.hooked["ac_1"].append(signed({"id": "oev_2", "type": "promise.kept", "data": {}}))
    condemned(told, "oev_2", "not what is in the feed")


def test_a_promise_reported_as_kept_twice_is_a_breach(told):
    told.rows["outgoing_event"].append(
        told.rows["outgoing_event"][0] | {"id": 2, "event_id": "oev_2"}
    )
    told.feed["ac_1"].append("oev_2")
    condemned(told, "promise.kept of prm_1 was told 2 times")


@pytest.mark.parametrize("state", ["active", "disabled"])
def test_a_deleted_endpoint_that_is_active_or_has_deliveries_is_a_breach(told, state):
    one = asked("delete", "/api/webhook-endpoints/whe_1", {}, status=204, endpoint="whe_1")
    told.asked.append(one)
    row_of(told, "webhook_endpoint", state=state)
    condemned(told, "whe_1 was deleted", state)
    row_of(told, "webhook_endpoint", state="deleted", secret="")
    told.rows["webhook_delivery"] = [{"id": 4, "endpoint_id": "whe_1", "state": "waiting"}]
    condemned(told, "delivery 4 waits")


def test_two_simultaneous_calls_to_one_household_are_a_breach(evidence):
    first = {"id": "v-1", "phoneNumberId": "n-1", "customer": {"number": PHONE}}
    first |= {"createdAt": "2026-11-30T10:00:00Z", "endedAt": "2026-11-30T10:01:00Z"}
    evidence.calls = [first, first | {"id": "v-2", "createdAt": "2026-11-30T10:00:59Z"}]
    condemned(evidence, f"{PHONE} was rung by v-1 and v-2")
