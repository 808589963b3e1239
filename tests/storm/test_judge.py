"""The judge finds each breach: each test starts with books in order and lets one thing go wrong."""

import copy
from datetime import date

import pytest

from tests.storm.calls import BLOCKED
from tests.storm.client import Asked
from tests.storm.evidence import Evidence
from tests.storm.faults import plan
from tests.storm.judge import judge, standing

TODAY = date(2026, 11, 28)
SECOND = 1_000_000
NOON = 1_800_000_000.0


def asked(what, path, answer, body=None, status=200, **about):
    return Asked(
        what,
        "POST",
        path,
        body or {},
        f"key-{what}",
        NOON,
        about,
        sent=1,
        status=status,
        answer=answer,
    )


def in_order() -> Evidence:
    """Books in order: an invoice of 125.00 that was paid by card, 25.00 of which was refunded, and
    a payment link that was texted.
    """
    tags = {"account_id": "ac_1", "invoice_id": "inv_1"}
    invoice = {
        "id": "inv_1",
        "account_id": "ac_1",
        "number": "N1",
        "currency": "usd",
        "amount_due": 12_500,
        "due_date": "2026-12-24",
        "mark": "sent",
        "status": "sent",
        "amount_received": 12_500,
        "amount_returned": 2_500,
        "amount_paid": 10_000,
        "outstanding": 2_500,
        "overpaid": 0,
        "disputed": 0,
    }
    rows = {
        "account": [{"id": "ac_1", "stripe_account": None}],
        "invoice": [invoice],
        "payment": [
            {
                "id": "pay_1",
                "invoice_id": "inv_1",
                "method": "stripe",
                "reference": None,
                "intent_id": "pi_1",
                "amount_received": 12_500,
                "voided_at": None,
            },
        ],
        "payment_attempt": [{"id": "att_1", "invoice_id": "inv_1", "intent_id": "pi_1"}],
        "payment_confirmation": [{"id": "cnf_1", "state": "settled"}],
        "payment_link": [{"id": "link_1", "state": "retired"}],
        "refund_request": [
            {"id": "rfq_1", "state": "confirmed", "refund_id": "re_1", "amount": 2_500}
        ],
        "message": [{"id": "msg_1", "status": "delivered", "sid": "SM1"}],
        "effect": [
            {
                "id": "eff_1",
                "kind": "intent_create",
                "key": "intent_create:att_1",
                "state": "confirmed",
                "provider_id": "pi_1",
            },
            {
                "id": "eff_2",
                "kind": "refund",
                "key": "refund:rfq_1",
                "state": "confirmed",
                "provider_id": "re_1",
            },
            {
                "id": "eff_3",
                "kind": "text",
                "key": "text:msg_1:1",
                "state": "confirmed",
                "provider_id": "SM1",
            },
        ],
        "contact_decision": [
            {
                "effect_id": "eff_3",
                "channel": "sms",
                "phone": "+12025550123",
                "allowed": 1,
                "at": int(NOON * SECOND),
            }
        ],
        "inbox_event": [
            {
                "provider": "stripe",
                "account": "",
                "event_id": "evt_1",
                "type": "payment_intent.succeeded",
                "outcome": "applied",
            }
        ],
        "staged_job": [
            {
                "name": "process_stripe_event",
                "key": "1",
                "state": "done",
                "attempts": 1,
                "last_error": None,
                "lease_until": None,
                "due_at": 0,
            }
        ],
        "opt_out": [],
    }
    return Evidence(
        rows=rows,
        now=int((NOON + 900) * SECOND),
        today=TODAY,
        intents=[
            {
                "id": "pi_1",
                "account": "",
                "currency": "usd",
                "amount_received": 12_500,
                "status": "succeeded",
                "metadata": {**tags, "attempt_id": "att_1"},
            }
        ],
        charges=[{"id": "ch_1", "payment_intent": "pi_1", "status": "succeeded"}],
        refunds=[
            {
                "id": "re_1",
                "payment_intent": "pi_1",
                "amount": 2_500,
                "status": "succeeded",
                "metadata": {**tags, "attempt_id": "rfq_1"},
            }
        ],
        links=[{"id": "plink_1", "metadata": {**tags, "attempt_id": "link_1"}}],
        events=[{"id": "evt_1", "type": "payment_intent.succeeded"}],
        deliveries=[
            {
                "provider": "stripe",
                "event_id": "evt_1",
                "event_type": "payment_intent.succeeded",
                "state": "delivered",
            }
        ],
        text_requests=[
            {
                "at": NOON + 1,
                "to": "+12025550123",
                "effect": "eff_3",
                "status": 201,
                "performed": True,
            }
        ],
        asked=[
            asked(
                "invoice",
                "/api/invoices",
                {"id": "inv_1"},
                {"number": "N1", "amountDue": 12_500},
                201,
            ),
            asked(
                "phone",
                "/api/payments/phone",
                {
                    "success": True,
                    "payment": {"id": "pay_1", "paymentIntentId": "pi_1", "amountReceived": 12_500},
                },
            ),
            asked("refund", "/api/payments/pay_1/refunds", {"id": "rfq_1"}, status=202),
            asked(
                "link",
                "/api/invoices/inv_1/payment-links",
                {"paymentLinkId": "link_1", "message": {"id": "msg_1"}},
                {"channel": "sms"},
                202,
            ),
        ],
    )


@pytest.fixture
def evidence():
    return in_order()


def condemned(evidence, *words):
    """Assert that the judge reports the breach in a sentence that holds all these words."""
    found = judge(evidence)
    assert any(all(word in finding for word in words) for finding in found), found


def row_of(evidence, table, **changes):
    evidence.rows[table][0].update(changes)


def test_correct_books_are_no_breach(evidence):
    assert judge(evidence) == []


def test_two_charges_of_one_intent_are_a_breach(evidence):
    evidence.charges.append({"id": "ch_2", "payment_intent": "pi_1", "status": "succeeded"})
    condemned(evidence, "pi_1", "charged 2 times")


def test_an_invoice_charged_by_two_of_our_intents_is_a_breach(evidence):
    """Even if the books agree with Stripe's, two intents must not charge for one balance."""
    again = copy.deepcopy(evidence.intents[0]) | {"id": "pi_2"}
    again["metadata"]["attempt_id"] = "att_2"
    evidence.intents.append(again)
    evidence.rows["payment"].append(
        evidence.rows["payment"][0] | {"id": "pay_2", "intent_id": "pi_2"}
    )
    evidence.rows["payment_attempt"].append(
        {"id": "att_2", "invoice_id": "inv_1", "intent_id": "pi_2"}
    )
    row_of(
        evidence,
        "invoice",
        amount_received=25_000,
        amount_paid=22_500,
        outstanding=0,
        overpaid=10_000,
        status="paid",
    )
    assert judge(evidence) == [
        "invoice inv_1: intents of ours took 25000 of 12500 due, and 2500 went back"
    ]


def test_two_intents_for_one_attempt_are_a_breach(evidence):
    evidence.intents.append(
        evidence.intents[0] | {"id": "pi_2", "amount_received": 0, "status": "canceled"}
    )
    condemned(evidence, "2 intents were made for att_1")


@pytest.mark.parametrize(("kind", "tag"), [("refunds", "rfq_1"), ("links", "link_1")])
def test_an_effect_made_twice_is_a_breach(evidence, kind, tag):
    made = getattr(evidence, kind)
    made.append(made[0] | {"id": "another"})
    condemned(evidence, "2 ", f"made for {tag}")


def test_a_text_in_doubt_that_twilio_has(evidence):
    evidence.rows["effect"][2]["state"] = "unknown"
    condemned(evidence, "a text to +12025550123 is at Twilio, and is still in doubt")


def test_an_unrequested_refund_is_a_breach(evidence):
    evidence.asked = [one for one in evidence.asked if one.what != "refund"]
    condemned(evidence, "refund re_1", "nobody asked")


def test_a_promised_refund_that_stripe_does_not_have_is_a_breach(evidence):
    evidence.refunds.clear()
    condemned(evidence, "refund:", "confirmed as re_1")


def test_a_refund_that_stays_requested_is_a_breach_unless_its_job_is_dead(evidence):
    row_of(evidence, "refund_request", state="requested")
    condemned(evidence, "still only requested")
    evidence.rows["staged_job"].append(
        evidence.rows["staged_job"][0]
        | {
            "name": "refund_payment",
            "key": "rfq_1",
            "state": "dead",
            "last_error": "Stripe is away",
        }
    )
    assert not any("only requested" in finding for finding in judge(evidence)), "it is openly dead"


def test_a_lost_accepted_event_is_a_breach(evidence):
    evidence.rows["inbox_event"].clear()
    condemned(evidence, "evt_1", "answered with 2xx and is lost")


def test_an_event_that_was_never_backfilled_is_a_breach(evidence):
    evidence.events.append({"id": "evt_2", "type": "charge.refunded"})
    condemned(evidence, "evt_2", "never taken in")


def test_an_event_stored_twice_is_a_breach(evidence):
    evidence.rows["inbox_event"] *= 2
    condemned(evidence, "evt_1", "2 times")


def test_a_stored_event_that_was_not_processed_is_a_breach(evidence):
    row_of(evidence, "inbox_event", outcome=None)
    condemned(evidence, "evt_1", "outcome is None")


def test_a_forged_event_is_a_breach(evidence):
    evidence.rows["inbox_event"].append(
        evidence.rows["inbox_event"][0] | {"event_id": "evt_forged"}
    )
    condemned(evidence, "evt_forged", "Stripe never sent it")


def test_an_unrecorded_payment_is_a_breach(evidence):
    evidence.rows["payment"].clear()
    condemned(evidence, "Stripe took 12500 with pi_1", "not recorded")


def test_a_payment_recorded_twice_is_a_breach(evidence):
    evidence.rows["payment"].append(evidence.rows["payment"][0] | {"id": "pay_9"})
    condemned(evidence, "pi_1 is recorded as 2 payments")


def test_a_payment_recorded_with_another_amount_is_a_breach(evidence):
    row_of(evidence, "payment", amount_received=12_400)
    condemned(evidence, "12400 is recorded", "Stripe took 12500")


def test_a_payment_of_another_clinic_is_a_breach(evidence):
    evidence.intents[0]["metadata"]["account_id"] = "ac_2"
    condemned(evidence, "pay_1", "nobody here")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount_received", 12_600),
        ("amount_returned", 0),
        ("amount_paid", 12_500),
        ("outstanding", 0),
        ("overpaid", 1),
        ("status", "paid"),
        ("disputed", 1),
    ],
)
def test_a_wrong_sum_of_an_invoice_is_a_breach(evidence, column, value):
    row_of(evidence, "invoice", **{column: value})
    condemned(evidence, "invoice inv_1", f"{column} ")


def test_unrequested_cash_is_a_breach(evidence):
    cash = {
        "id": "pay_c",
        "invoice_id": "inv_1",
        "method": "cash",
        "reference": "R1",
        "intent_id": None,
        "amount_received": 100,
        "voided_at": None,
    }
    evidence.rows["payment"].append(cash)
    condemned(evidence, "cash R1", "nobody asked")


def test_cash_recorded_twice_is_a_breach(evidence):
    cash = {
        "id": "pay_c",
        "invoice_id": "inv_1",
        "method": "cash",
        "reference": "R1",
        "intent_id": None,
        "amount_received": 100,
        "voided_at": None,
    }
    evidence.rows["payment"] += [cash, cash | {"id": "pay_d"}]
    evidence.asked.append(
        asked(
            "offline",
            "/api/payments/upsert",
            {},
            {"invoiceId": "inv_1", "method": "cash", "reference": "R1", "amount": 100},
            201,
        )
    )
    condemned(evidence, "2 payments have its reference")


def test_an_unrequested_cancellation_is_a_breach(evidence):
    row_of(evidence, "invoice", mark="cancelled")
    condemned(evidence, "inv_1 is cancelled", "nobody asked")


def test_a_lost_promised_cancellation_is_a_breach(evidence):
    evidence.asked.append(asked("cancel", "/api/invoices/inv_1/cancel", {}, invoice="inv_1"))
    condemned(evidence, "cancel:", "the invoice is sent")


def test_a_reported_success_without_a_charge_is_a_breach(evidence):
    evidence.intents[0]["amount_received"] = 0
    condemned(evidence, "phone:", "Stripe took nothing")


def test_a_lost_promised_invoice_is_a_breach(evidence):
    evidence.asked.append(
        asked("invoice", "/api/invoices", {"id": "inv_2"}, {"number": "N2", "amountDue": 1}, 201)
    )
    condemned(evidence, "0 invoices have its number")


def test_one_idempotency_key_with_two_effects_is_a_breach(evidence):
    evidence.asked.append(
        asked("refund", "/api/payments/pay_1/refunds", {"id": "rfq_2"}, status=202)
    )
    condemned(evidence, "made several things", "rfq_2")


def test_a_request_that_was_never_answered_is_a_breach(evidence):
    evidence.asked[0].status = 0
    condemned(evidence, "never answered")


def test_a_500_answer_is_a_breach(evidence):
    evidence.asked[0].troubles.append("500: internal")
    condemned(evidence, "was answered 500")


def test_an_accepted_card_number_is_a_breach(evidence):
    evidence.asked.append(asked("card number", "/api/invoices/inv_1/notes", {}, status=201))
    condemned(evidence, "held a card number and was answered 201")


def test_a_text_sent_twice_is_a_breach(evidence):
    evidence.text_requests *= 2
    condemned(evidence, "msg_1 was sent 2 times")


def test_a_text_decided_again_and_sent_again_is_a_breach(evidence):
    """The second attempt has its own effect but sends the same text."""
    evidence.rows["effect"].append(
        evidence.rows["effect"][2] | {"id": "eff_4", "key": "text:msg_1:2"}
    )
    evidence.rows["contact_decision"].append(
        evidence.rows["contact_decision"][0] | {"effect_id": "eff_4"}
    )
    evidence.text_requests.append(evidence.text_requests[0] | {"effect": "eff_4"})
    condemned(evidence, "msg_1 was sent 2 times")


def test_a_text_without_a_decision_is_a_breach(evidence):
    evidence.rows["contact_decision"].clear()
    condemned(evidence, "+12025550123", "without a decision")


def stopped(evidence, heard_at):
    evidence.rows["opt_out"] = [{"phone": "+12025550123", "wish": "stop"}]
    evidence.stops = [
        {"phone": "+12025550123", "sid": "SM2", "said_at": heard_at - 1, "heard_at": heard_at}
    ]


def test_a_text_decided_shortly_before_the_stop_is_no_breach(evidence):
    stopped(evidence, NOON + 0.5)
    assert judge(evidence) == []


def test_a_text_after_a_stop_is_a_breach(evidence):
    stopped(evidence, NOON - 60)
    condemned(evidence, "+12025550123 was allowed 60.0 s after their STOP")


def test_a_text_sent_long_after_its_decision_and_a_stop_is_a_breach(evidence):
    stopped(evidence, NOON + 30)
    evidence.text_requests[0]["at"] = NOON + 90
    condemned(evidence, "+12025550123 left 60.0 s after their STOP")


def test_a_lost_answered_stop_is_a_breach(evidence):
    stopped(evidence, NOON + 0.5)
    evidence.rows["opt_out"].clear()
    condemned(evidence, "STOP of +12025550123", "lost")


def test_a_stop_that_was_never_received_is_a_breach(evidence):
    """Given a STOP that is neither delivered nor in the inbox, then it is lost."""
    stopped(evidence, NOON + 0.5)
    evidence.stops[0]["heard_at"] = None
    condemned(evidence, "STOP of +12025550123", "lost")


def found_in_the_list(evidence, received_at):
    stopped(evidence, received_at)
    evidence.stops[0]["heard_at"] = None
    event = {"provider": "twilio", "event_id": "SM2", "received_at": received_at * 1e6}
    evidence.rows["inbox_event"].append(evidence.rows["inbox_event"][0] | event)


def test_a_stop_found_in_the_list_counts_from_then_on(evidence):
    found_in_the_list(evidence, NOON + 0.5)
    assert judge(evidence) == []


def test_a_text_after_a_stop_found_in_the_list_is_a_breach(evidence):
    found_in_the_list(evidence, NOON - 60)
    condemned(evidence, "a text to +12025550123 was allowed 50.0 s after their STOP")


def test_a_call_after_a_stop_is_a_breach(evidence):
    stopped(evidence, NOON - 60)
    row_of(evidence, "contact_decision", channel="voice")
    condemned(evidence, "a call to +12025550123 was allowed 60.0 s after their STOP")


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_stuck_job_is_a_breach(evidence, state):
    row_of(evidence, "staged_job", state=state, lease_until=1)
    condemned(evidence, f"process_stripe_event 1 is {state}")


def test_an_event_with_a_dead_job_after_a_rerun_is_a_breach(evidence):
    row_of(evidence, "staged_job", state="dead", last_error="KeyError")
    condemned(evidence, "dead even after it was run again")


def test_an_effect_that_is_still_being_sent_is_a_breach(evidence):
    row_of(evidence, "effect", state="sending")
    condemned(evidence, "intent_create:att_1 is still being sent")


def test_an_effect_in_doubt_is_no_breach(evidence):
    evidence.rows["effect"][2].update(state="unknown", provider_id=None)
    row_of(evidence, "message", status="unknown", sid=None)
    evidence.text_requests[0].update(performed=False, status=0)
    assert judge(evidence) == []


def test_an_effect_that_the_provider_does_not_have_is_a_breach(evidence):
    evidence.rows["effect"][1]["provider_id"] = "re_9"
    condemned(evidence, "refund:rfq_1", "does not have")


def test_a_charge_that_stays_requested_is_a_breach(evidence):
    row_of(evidence, "payment_confirmation", state="requested")
    condemned(evidence, "charge cnf_1 is still only requested")


def test_a_card_number_at_rest_is_a_breach(evidence):
    evidence.leaks.append("web.log: card …4242")
    condemned(evidence, "at rest: web.log")


@pytest.fixture
def called(evidence):
    """The customer was also called once, at ten in the morning, and hung up; no text came
    before.
    """
    at = int(NOON * SECOND)
    evidence.business_shift = 7 * 3600.0
    evidence.calls = [{"id": "v-1", "name": "eff_5", "endedReason": "customer-ended-call"}]
    effect = {"id": "eff_5", "kind": "call", "key": "call:call_1:1", "state": "confirmed"}
    evidence.rows["effect"].append(effect | {"provider_id": "v-1"})
    person = {"account_id": "ac_1", "customer_id": "cu_1", "phone": "+12125550123"}
    decision = {"id": "cdn_2", "effect_id": "eff_5", "channel": "voice", "invoice_id": "inv_1"}
    decision |= {"allowed": 1}
    evidence.rows["contact_decision"].append(person | decision | {"at": at})
    consent = {"customer_id": "cu_1", "channels": ["sms", "voice"], "revoked_at": None}
    evidence.rows["consent"] = [consent | {"given_at": at - 86_400 * SECOND}]
    call = {"id": "call_1", "customer_id": "cu_1", "state": "ended", "vapi_id": "v-1"}
    call |= {"effect_id": "eff_5", "outcome": "hung_up", "asked_for": 0}
    evidence.rows["call"] = [call | {"attempted_at": at + 7 * 3600 * SECOND}]
    evidence.rows["call_invoice"] = [{"call_id": "call_1", "invoice_id": "inv_1"}]
    evidence.asked.append(asked("call", "/api/invoices/inv_1/calls", {"id": "call_1"}, status=202))
    for row in evidence.rows["message"]:
        row |= {"customer_id": "cu_2", "sent_at": None, "invoice_id": "inv_1"}
    return evidence


def test_a_correct_call_is_no_breach(called):
    assert judge(called) == []


def test_a_call_attempt_placed_twice_is_a_breach(called):
    called.calls.append(called.calls[0] | {"id": "v-2"})
    condemned(called, "'eff_5' was placed 2 times")


@pytest.mark.parametrize(("minutes", "counts"), [(-60, True), (60, False)])
def test_only_texts_before_a_call_count_towards_its_cap(called, minutes, counts):
    """Given three texts an hour before or after the call, in business time, then only the earlier
    ones use up what a person may be contacted in a day.
    """
    shifted = called.business_shift + minutes * 60
    sent = called.rows["contact_decision"][-1]["at"] + int(shifted * SECOND)
    text = called.rows["message"][0] | {"customer_id": "cu_1", "sent_at": sent}
    called.rows["message"] += [text | {"id": f"msg_of_{one}"} for one in range(3)]
    found = [finding for finding in judge(called) if "person_cap" in finding]
    assert bool(found) is counts


def again(called, **at_vapi):
    """Add another attempt at the same call."""
    second = called.rows["effect"][-1] | {"id": "eff_6", "key": "call:call_1:2"}
    called.rows["effect"].append(second)
    called.rows["contact_decision"].append(
        called.rows["contact_decision"][-1] | {"effect_id": "eff_6"}
    )
    called.calls.append(called.calls[0] | {"id": "v-2", "name": "eff_6"} | at_vapi)


def test_a_call_decided_again_that_rings_twice_is_a_breach(called):
    again(called)
    condemned(called, "call_1 rang 2 times")


def test_a_call_blocked_by_vapis_concurrency_limit_may_be_placed_again(called):
    again(called, endedReason=BLOCKED)
    assert judge(called) == []


def test_a_call_without_a_decision_is_a_breach(called):
    called.rows["contact_decision"].pop()
    condemned(called, "v-1", "without a decision")


def stops(called, opt_out_id):
    """The customer said STOP long ago; ids show in which order rows were written."""
    stop = {"id": opt_out_id, "phone": "+12125550123", "wish": "stop", "account_id": None, "at": 0}
    called.rows["opt_out"].append(stop | {"channels": '["voice"]'})


def test_a_call_before_a_stop_was_received_is_no_breach(called):
    stops(called, "opt_3")
    assert judge(called) == []


@pytest.mark.parametrize(
    ("hours", "wish", "code"),
    [(-4, "", "quiet_hours"), (0, "stop", "opted_out"), (0, "", "no_consent")],
)
def test_a_call_against_the_contact_rules_is_a_breach(called, hours, wish, code):
    called.business_shift += hours * 3600
    if wish:
        stops(called, "opt_1")
    if code == "no_consent":
        called.rows["consent"][0]["channels"] = ["sms"]
    condemned(called, "v-1", code)


def called_by_hand(called, hours):
    """Staff spoke to the customer `hours` before that call, about two invoices."""
    call = {"id": "call_0", "outcome": "spoke", "vapi_id": None, "effect_id": None}
    at = called.rows["call"][0]["attempted_at"] - hours * 3600 * SECOND
    call |= {"ended_reason": "made-by-hand", "attempted_at": at}
    called.rows["call"].append(called.rows["call"][0] | call)
    said = {"id": "wki_1", "context": {"madeCallId": "call_0"}}
    called.asked.append(asked("resolve", "/api/work-items/wki_1", said, {"action": "called"}))
    called.rows["work_item"] = [{"id": "wki_1", "state": "resolved", "resolution": "called"}]
    for invoice_id in ("inv_1", "inv_2"):
        called.rows["call_invoice"].append({"call_id": "call_0", "invoice_id": invoice_id})


def test_a_call_soon_after_a_conversation_is_a_breach(called):
    called_by_hand(called, hours=1)
    condemned(called, "v-1", "recent_conversation")


def test_a_call_made_by_hand_needs_no_call_at_vapi(called):
    called_by_hand(called, hours=-1)
    assert judge(called) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("sending", "is still sending"),
        ("queued", "is still queued"),
        ("unknown", "is unknown, and Vapi placed v-1"),
        ("refused", "is refused, and Vapi placed v-1"),
    ],
)
def test_a_call_in_another_state_than_at_vapi_is_a_breach(called, state, words):
    called.rows["call"][0]["state"] = state
    condemned(called, "call_1", words)


@pytest.fixture
def typed(called):
    """The customer typed a card in that call after agreeing to 125.00, and was charged that."""
    entry = {"id": "kps_1", "call_id": "call_1", "amount": 12_500, "state": "over"}
    called.rows["keypad_session"] = [entry | {"confirmation_id": "cnf_1"}]
    wish = {"subject": "kps_1", "call_id": "call_1", "amount": 12_500, "words": "Yes, I agree."}
    called.rows["tool_call"] = [wish]
    row_of(called, "payment_confirmation", call_id="call_1", amount=12_500)
    return called


def test_a_card_typed_correctly_in_a_call_is_no_breach(typed):
    assert judge(typed) == []


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("keypad_session", {"confirmation_id": None}, "is of 0 card entries"),
        ("keypad_session", {"confirmation_id": None}, "kps_1 is over, charged by None"),
        ("keypad_session", {"state": "captured"}, "kps_1 is captured"),
        ("keypad_session", {"call_id": "call_2"}, "is not what was agreed to"),
        ("tool_call", {"words": ""}, "is not what was agreed to"),
        ("tool_call", {"amount": 10_000}, "is not what was agreed to"),
    ],
)
def test_a_card_charged_differently_than_typed_and_agreed_is_a_breach(typed, table, change, words):
    row_of(typed, table, **change)
    condemned(typed, words)


def test_one_charge_for_two_card_entries_is_a_breach(typed):
    typed.rows["keypad_session"].append(typed.rows["keypad_session"][0] | {"id": "kps_2"})
    condemned(typed, "cnf_1 in a call is of 2 card entries")


def test_a_call_slot_that_was_not_released_is_a_breach(called):
    called.rows["call_slot"] = [{"number": 1, "call_id": "call_1"}]
    condemned(called, "slot 1 is held by call_1")


@pytest.mark.parametrize(
    ("mark", "received", "status", "outstanding", "overpaid"),
    [
        ("sent", [], "overdue", 100, 0),
        ("sent", [(100, 0)], "paid", 0, 0),
        ("sent", [(100, 130)], "overdue", 100, 0),
        ("sent", [(80, 0), (40, 0)], "paid", 0, 20),
        ("cancelled", [(60, 0)], "cancelled", 0, 60),
        ("written_off", [(60, 10)], "written_off", 0, 0),
        ("cancelled", [(120, 0)], "paid", 0, 20),
    ],
)
def test_receipts_and_mark_decide_where_an_invoice_stands(
    mark, received, status, outstanding, overpaid
):
    invoice = {"amount_due": 100, "mark": mark, "due_date": "2026-11-27"}
    found = standing(invoice, received, TODAY)
    assert (found["status"], found["outstanding"], found["overpaid"]) == (
        status,
        outstanding,
        overpaid,
    )


def test_the_same_seed_gives_the_same_storm():
    assert plan(7, 300, "postgres") == plan(7, 300, "postgres") != plan(8, 300, "postgres")
    assert {fault.what for fault in plan(7, 3000, "sqlite")} > {
        "web killed",
        "redis emptied",
        "provider fault",
        "database locked by another writer",
    }
