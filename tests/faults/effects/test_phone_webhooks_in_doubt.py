"""The database fails at any statement or commit of a webhook of Vapi or Twilio about calls, typed
cards and ports: the sender gets a 503, so that it sends again, and then the webhook counts once. A
tool always answers the agent with a line that it can speak, and never with a false one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from models import transactions
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.contact.opt_out import OptOut
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.phone_line import PhoneLine
from models.feed.outgoing_event import OutgoingEvent
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from rules.calling.tool_replies import FAILED
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given
from tests.faults.failing_database import FailingDatabase
from tests.stories.on_the_line import OnTheLine
from tests.stories.voice import SECRET

VAPI = "/api/webhooks/vapi"
PROOF = {"X-Vapi-Secret": SECRET}
CALL_SID = f"CA{'1' * 32}"


@dataclass
class Door:
    """A webhook that is sent again and again, and what must be true once it was processed."""

    send: Callable
    assert_once: Callable


@pytest.fixture
def line(client, valkey, voice, texting):
    return OnTheLine(client, valkey.client(), texting.stand_in)


@pytest.fixture
def faults(line):
    ordered = FailingDatabase(transactions.database.obj)
    yield ordered
    ordered.remove()


def vapi_tells(line, **message):
    return lambda: line.client.simulate_post(VAPI, json={"message": message}, headers=PROOF)


def a_status(line):
    call = line.a_call(state="queued")

    def assert_once():
        assert Call.get_by_id(call.id).state == "in_progress"

    at_vapi = {"id": call.vapi_id, "type": "outboundPhoneCall"}
    told = {"type": "status-update", "status": "in-progress", "call": at_vapi}
    return Door(vapi_tells(line, **told), assert_once)


def report_of(line, at_vapi):
    def assert_once():
        call = Call.by_vapi_id(at_vapi["id"])
        assert (call.state, call.reported_at is not None) == ("ended", True)
        told = [
            row.payload["callId"]
            for row in OutgoingEvent.select().where(OutgoingEvent.type == "call.ended")
        ]
        assert told.count(call.id) == 1

    told = {"type": "end-of-call-report", "call": at_vapi, "endedReason": "customer-ended-call"}
    said = {"structuredData": {"outcome": "callback_requested"}, "summary": "Call back."}
    return Door(vapi_tells(line, **told, analysis=said), assert_once)


def an_end(line):
    return report_of(line, {"id": line.a_call().vapi_id, "type": "outboundPhoneCall"})


def an_end_of_a_call_that_came_in(line):
    return report_of(line, line.a_ring(line.phone))


def a_typed_card(line):
    invoice, call = given.an_invoice(line.account), line.a_call()
    with transactions.transaction():
        session = KeypadSession.begin(call, invoice, invoice.outstanding, CALL_SID, real_now())
        session.record(real_now(), state="completing", payment_sid=new_id("PK"))

    def assert_once():
        given.retried(line.redis, "interactive", rounds=2)
        made = PaymentConfirmation.select().where(PaymentConfirmation.call_id == call.id)
        assert made.count() == 1
        assert given.fresh(invoice).status == "paid"

    path = f"/api/webhooks/twilio/pay?session={session.id}&step=complete:0"
    fields = {"CallSid": CALL_SID, "Sid": session.payment_sid, "Result": "success"}
    return Door(lambda: line.tell(path, fields | {"PaymentToken": "pm_card_visa"}), assert_once)


def a_port(line):
    account, now = given.an_account(), real_now()
    deployment = Deployment.create(
        id=new_id("dep"),
        account=account,
        method="ported",
        status="awaiting_port",
        wanted={},
        fee=0,
        fee_currency="usd",
        on_failure="keep",
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    step = DeploymentStep.create(
        id=new_id("dst"), deployment=deployment, position=6, name="porting", state="running"
    )
    PhoneLine.create(
        id=new_id("pl"),
        account=account,
        e164="+12025550155",
        state="owned",
        source="ported",
        asked_by="test",
        created_at=now,
        updated_at=now,
    )

    def assert_once():
        assert StagedJob.select().where(StagedJob.key == step.id).count() == 1
        PhoneLine.update(holds_slot=False, state="released").execute()

    fields = {"port_in_request_sid": "KW1", "phone_number": "+12025550155", "status": "completed"}
    return Door(lambda: line.tell("/api/webhooks/twilio/porting", fields), assert_once)


@pytest.mark.parametrize(
    "come",
    [a_status, an_end, an_end_of_a_call_that_came_in, a_typed_card, a_port],
    ids=lambda it: it.__name__,
)
def test_a_phone_webhook_counts_once_wherever_the_database_fails(line, faults, come):
    """Given a fault at each statement and each commit in turn, then an answer other than 2xx is a
    503, and the repeated webhook counts once.
    """
    at, found = 1, True
    while found:
        door = come(line)
        faults.order(at)
        answer = door.send()
        found = bool(faults.where)
        faults.order(0)
        about = f"at {at}, {faults.where}: {answer.text}"
        if answer.status_code >= 300:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), about
            assert door.send().status_code < 300, about
        door.assert_once()
        at += 1
    assert at > 3, "it was never disturbed"


def stops(line):
    def is_done():
        return OptOut.select().where(OptOut.reference == line.call.id).exists()

    return ("stopContact", {}), is_done


def promises(line):
    def is_done():
        return Promise.select().where(Promise.customer == line.customer.id).exists()

    day = (real_now().date()).isoformat()
    return ("recordPromise", {"date": day}), is_done


def asks_for_a_link(line):
    def is_done():
        return PaymentLink.select().where(PaymentLink.invoice == line.invoice.id).exists()

    return ("createPaymentLink", {}), is_done


def asks_for_a_person(line):
    def is_done():
        return WorkItem.select().where(WorkItem.account == line.account.id).exists()

    return ("requestHuman", {"reason": "asked_for_person"}), is_done


@pytest.mark.parametrize(
    "wants", [stops, promises, asks_for_a_link, asks_for_a_person], ids=lambda it: it.__name__
)
def test_a_tool_claims_nothing_uncertain_wherever_the_database_fails(
    client, valkey, voice, texting, wants
):
    """Given a fault at each statement and each commit of a tool, then either its answer is true, or
    it says that the outcome is unknown; when asked again, it succeeds.
    """
    ordered = FailingDatabase(transactions.database.obj)
    try:
        at, found = 1, True
        while found:
            line = OnTheLine(client, valkey.client(), texting.stand_in).verified()
            (tool, arguments), is_done = wants(line)
            ordered.order(at)
            told = line.tool(tool, **arguments)
            found = bool(ordered.where)
            ordered.order(0)
            about = f"at {at}, {ordered.where}: {told}"
            assert told == f"-{FAILED}" or (told[0] == "+" and is_done()), about
            assert line.tool(tool, **arguments)[0] == "+", about
            assert is_done(), about
            at += 1
    finally:
        ordered.remove()
    assert at > 5, "it was never disturbed"
