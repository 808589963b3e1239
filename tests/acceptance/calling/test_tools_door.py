"""The endpoint for the assistant's tools: authentication, the request shapes, and what is never
revealed.
"""

import hashlib
import hmac
import json
import time

import pytest

from models.calling.call import Call
from models.calling.tool_call import ToolCall
from models.contact.opt_out import OptOut
from models.contact.work_item import WorkItem
from rules.cards.card_numbers import redact
from tests import given
from tests.stories.on_the_line import CODE, DOOR, NAME, SHAPES, message
from tests.stories.voice import SECRET

VISA = "4242" * 4


def signed(body, secret=SECRET, at=None, unit=1):
    stamp = str(int((time.time() if at is None else at) * unit))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Signature": digest, "X-Timestamp": stamp}


def test_tools_endpoint_accepts_only_vapis_secret_bearer_or_signature(line):
    """Given each way in which Vapi authenticates, then 200; given none or a wrong one, then 401."""
    body = json.dumps(message({"id": "x"}, [("t-1", "getUnpaidInvoice", {})])).encode()
    allowed = [
        {"X-Vapi-Secret": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        signed(body),
        signed(body, unit=1000),
        signed(body) | {"X-Vapi-Secret": "ignored"},
    ]
    for headers in allowed:
        answer = line.client.simulate_post(DOOR, body=body, headers=headers)
        assert answer.status_code == 200, (headers, answer.text)
    refused = [
        {},
        {"X-Vapi-Secret": "another"},
        {"X-Vapi-Secret": ""},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer "},
        signed(body, secret="another"),
        signed(body + b" "),
        signed(body, at=time.time() - 3600),
        {"X-Signature": signed(body)["X-Signature"]},
        {"X-Signature": signed(body)["X-Signature"], "X-Timestamp": "nan"},
        # a valid secret does not make up for a wrong signature
        {"X-Signature": "00", "X-Timestamp": str(int(time.time())), "X-Vapi-Secret": SECRET},
    ]
    for headers in refused:
        answer = line.client.simulate_post(DOOR, body=body, headers=headers)
        assert answer.status_code == 401, (headers, answer.text)


@pytest.mark.one_database
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_tool_call_is_read(line, shape):
    """Given arguments as text or as an object, in each place, then the tool call is the same."""
    told = line.tool("verifyCaller", "t-1", shape=shape, fullName=NAME, postalCode="20001")
    assert told.startswith("+Verified.")
    assert Call.get_by_id(line.call.id).verified_at is not None


def test_tool_results_keep_ids_and_order_and_a_malformed_body_is_answered(line):
    call = {"id": line.call.vapi_id}
    asked = [("t-1", "getUnpaidInvoice", {}), ("t-2", "noSuchTool", {}), ("t-3", "stopContact", {})]
    body = json.dumps(message(call, asked)).encode()
    proof = {"X-Vapi-Secret": SECRET}
    results = line.client.simulate_post(DOOR, body=body, headers=proof).json["results"]
    assert [(each["toolCallId"], each["name"]) for each in results] == [
        (tool_id, name) for tool_id, name, _ in asked
    ]
    assert ["result" in each for each in results] == [False, False, True]
    odd = [b"", b"{", b"[]", b'{"message": 1}', b'{"message": {"toolCallList": [7, {}, "x"]}}']
    odd += [b'{"message": {"call": [], "toolCallList": [{"id": "t", "function": []}]}}', b"\xff"]
    for raw in odd:
        answer = line.client.simulate_post(DOOR, body=raw, headers=proof)
        assert answer.status_code == 200, raw
        assert not [each for each in answer.json["results"] if "result" in each]


def test_deeply_nested_tool_arguments_are_answered(line):
    """Given arguments of too deeply nested JSON, then the tool call is answered like any other."""
    deep = f'{{"reason": {"[" * 600}{"]" * 600}}}'
    asked = {"id": "t-1", "function": {"name": "requestHuman", "arguments": deep}}
    body = {"message": {"call": {"id": line.call.vapi_id}, "toolCallList": [asked]}}
    answer = line.client.simulate_post(DOOR, json=body, headers={"X-Vapi-Secret": SECRET})
    assert answer.status_code == 200
    (result,) = answer.json["results"]
    assert result["toolCallId"] == "t-1"


def test_debt_is_revealed_only_in_a_known_live_and_verified_call(line):
    """Given an unknown call, one that is over or one not verified, then the answers reveal nothing
    about the debt.
    """
    told = [
        line.tool("getUnpaidInvoice", call={"id": "of-somebody-else"}),
        line.tool("createPaymentLink"),
        line.tool("processPhonePayment"),
        line.tool("recordPromise", date="2099-01-01"),
        line.tool("getUnpaidInvoice"),
    ]
    line.verified()
    line.call._write(state="ended")
    told.append(line.tool("getUnpaidInvoice"))
    for words in told:
        assert words.startswith("-")
        assert line.invoice.number not in words
        assert "120" not in words
    assert [row.tool for row in ToolCall.select()] == ["verifyCaller"]


def test_calls_id_at_vapi_is_not_taken_for_a_card_number(line):
    """Given a call whose id, a UUID, has the digits of a card number in a row, as one in fifteen
    hundred has, then the tools are answered although Vapi sends it among their arguments.
    """
    vapi_id = "b18c8632-2266-4668-8665-0967dbc38a39"
    assert redact(vapi_id) != vapi_id
    line.call._write(vapi_id=vapi_id)
    assert line.tool("verifyCaller", callId=vapi_id, fullName=NAME, postalCode=CODE).startswith("+")
    assert "$120.00" in line.tool("getUnpaidInvoice", callId=vapi_id)
    assert line.tool("stopContact", callId=vapi_id).startswith("+Recorded")


@pytest.mark.parametrize(
    ("tool", "kind"), [("stopContact", OptOut), ("requestHuman", WorkItem)], ids=["stop", "person"]
)
def test_a_wish_counts_although_a_card_number_is_sent_with_it(line, tool, kind):
    """Given a caller who reads out a card number and wants to be left alone, or a person, when the
    model sends both, then the wish counts, and nothing of the number is stored.
    """
    told = line.tool(tool, why=f"my card is {VISA}", when=f"after {VISA}", reason="dispute")
    assert told.startswith("+Recorded")
    assert kind.select().count() == 1
    (row,) = [*OptOut.select().dicts(), *WorkItem.select().dicts()]
    assert VISA not in str([row, *ToolCall.select().dicts()])


def test_card_number_in_tool_arguments_is_rejected_and_not_stored(line):
    """Given a model that passes on a card number, then the answer only tells it to stop, and
    nothing is stored.
    """
    line.verified()
    for arguments in (
        {"cardNumber": VISA},
        {"by": f"card {VISA[:4]} {VISA[4:8]} {VISA[8:12]} {VISA[12:]}"},
        {"by": {"card": {"number": int(VISA)}}},
    ):
        answer = line.asks("processPhonePayment", **arguments)
        assert answer.status_code == 200
        (result,) = answer.json["results"]
        assert "please stop" in result["error"]
        assert VISA not in answer.text
    assert [row.tool for row in ToolCall.select()] == ["verifyCaller"]


def test_inbound_call_is_recorded_at_its_first_tool_call(line):
    """Given an inbound call to the clinic's number, then one row is made, and the caller can be
    verified; a call to another number stays unknown.
    """
    ring = line.a_ring(line.phone)
    assert line.tool("getUnpaidInvoice", call=ring).startswith("-The caller is not verified")
    line.verified(call=ring)
    assert "120.00" in line.tool("getUnpaidInvoice", call=ring)
    call = Call.by_vapi_id(ring["id"])
    assert (call.direction, call.customer_id) == ("inbound", line.customer.id)
    assert Call.select().count() == 2
    stray = ring | {"id": "another", "phoneNumberId": "pn-of-nobody"}
    assert line.tool("verifyCaller", call=stray, fullName=NAME, postalCode="20001") == (
        "-This call is not known here. Nothing was done. Say that somebody will call back."
    )
    assert given.fresh(line.invoice).status == "sent"
