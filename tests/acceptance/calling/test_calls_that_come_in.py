"""Inbound calls to the clinic's number: each is one row and holds a slot until it is over,
whichever message of Vapi's reports it.
"""

import json
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from jobs.find_missed_calls import OVERLAP, STRETCH, find_missed_calls, read_missed_calls
from jobs.poll_calls import poll_calls
from models.base import to_micros
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.contact.opt_out import OptOut
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.transactions import release_connection, transaction
from providers.vapi import lists
from runtime.clock import real_now, rfc3339
from runtime.settings import get_settings
from sandbox.vapi.calls import incoming
from sandbox.vapi.control import answers
from tests.stories.calling import Calling
from tests.stories.on_the_line import message as tool_message
from tests.stories.voice import SECRET

PROOF = {"X-Vapi-Secret": SECRET}
CALLER = "+12025550177"
job = sys.modules["jobs.find_missed_calls"]


def shown(calling: Calling, vapi_id: str) -> dict:
    """Return the call as Vapi's messages show it."""
    return {
        "id": vapi_id,
        "type": "inboundPhoneCall",
        "phoneNumberId": calling.line.vapi_id,
        "customer": {"number": "+12025550177"},
    }


def tells(calling: Calling, vapi_id: str, kind: str = "status-update", **more: object) -> None:
    said = {"message": {"type": kind, "call": shown(calling, vapi_id)} | more}
    body = json.dumps(said).encode()
    got = calling.client.simulate_post("/api/webhooks/vapi", body=body, headers=PROOF)
    assert got.status_code == 200


def asks_a_tool(calling: Calling, vapi_id: str) -> None:
    wanted = [("toolu_1", "getUnpaidInvoice", {})]
    body = json.dumps(tool_message(shown(calling, vapi_id), wanted)).encode()
    got = calling.client.simulate_post("/api/vapi/tools", body=body, headers=PROOF)
    assert "not verified" in got.json["results"][0]["error"]


def rings(calling: Calling, vapi_id: str) -> None:
    tells(calling, vapi_id, status="in-progress")


def hangs_up(calling: Calling, vapi_id: str) -> None:
    tells(calling, vapi_id, status="ended", endedReason="customer-ended-call")


def is_reported(calling: Calling, vapi_id: str) -> None:
    more = {"endedReason": "customer-ended-call", "artifact": {}, "analysis": {}}
    tells(calling, vapi_id, "end-of-call-report", **more)


def is_given_up(calling: Calling, vapi_id: str) -> None:
    """Let the call's deadline pass without a report, and poll it."""
    old = real_now() - timedelta(hours=3)
    Call.update(deadline=old, updated_at=old).where(Call.vapi_id == vapi_id).execute()
    poll_calls.perform()
    calling.polls()


def has_expired(calling: Calling, vapi_id: str) -> None:
    """Let the slot's lease expire without any poll."""
    call = Call.by_vapi_id(vapi_id)
    CallSlot.update(leased_until=real_now() - timedelta(seconds=1)).where(
        CallSlot.call_id == call.id
    ).execute()


@pytest.mark.parametrize("ends", [hangs_up, is_reported, is_given_up, has_expired])
def test_inbound_calls_take_slots_and_are_never_turned_away(
    calling: Calling, monkeypatch: pytest.MonkeyPatch, ends
):
    """Given one slot, when two callers ring at once, then both are answered, and no call is placed
    until both calls are over.
    """
    monkeypatch.setenv("CALL_SLOTS", "1")
    get_settings.cache_clear()
    calling.habits(rings_after=3600)
    rings(calling, "vapi-1")
    rings(calling, "vapi-2")
    rings(calling, "vapi-2")
    assert calling.slots() == 2
    asked = calling.asks()

    calling.work_calls(1)
    ends(calling, "vapi-1")
    calling.work_calls(1)
    assert calling.call(asked.json["id"]).state == "waiting"

    ends(calling, "vapi-2")
    calling.work_calls(1)
    assert calling.call(asked.json["id"]).state == "queued"
    assert [row.call_id for row in CallSlot.select()] == [asked.json["id"]]


def test_inbound_call_first_known_from_its_report_takes_no_slot(calling: Calling):
    """Given a call first known from its end-of-call report, then no slot is taken, not even by a
    later status.
    """
    is_reported(calling, "vapi-1")
    rings(calling, "vapi-1")

    assert Call.by_vapi_id("vapi-1").state == "ended"
    assert calling.slots() == 0


@pytest.mark.parametrize("first", [rings, asks_a_tool])
def test_status_and_tool_call_in_either_order_make_one_call(calling: Calling, first):
    """Given a status and a tool call of one call, in either order, then it is one call with one
    slot.
    """
    first(calling, "vapi-1")
    asks_a_tool(calling, "vapi-1")
    rings(calling, "vapi-1")

    (call,) = Call.select()
    assert (call.direction, call.state, call.from_number) == (
        "inbound",
        "in_progress",
        "+12025550177",
    )
    assert [row.call_id for row in CallSlot.select()] == [call.id]


@pytest.mark.parametrize("first", ["status-update", "tool-calls", "end-of-call-report"])
@pytest.mark.parametrize("lacks", [{}, {"phoneNumberId": None, "customer": None}])
def test_number_and_caller_are_read_beside_the_call_if_it_lacks_them(
    calling: Calling, first: str, lacks: dict
):
    """Given a first message that names the clinic's number and the caller beside the call only, as
    Vapi's schema allows, then the call and its caller are recorded.
    """
    said = tool_message({}, [("toolu_1", "getUnpaidInvoice", {})])["message"]
    said |= {"type": first, "status": "in-progress", "endedReason": "customer-ended-call"}
    said |= {"phoneNumber": {"id": calling.line.vapi_id}, "customer": {"number": CALLER}}
    said |= {"call": {"id": "vapi-1", "type": "inboundPhoneCall"} | lacks}
    path = "/api/vapi/tools" if first == "tool-calls" else "/api/webhooks/vapi"
    body = json.dumps({"message": said}).encode()
    assert calling.client.simulate_post(path, body=body, headers=PROOF).status_code == 200

    (call,) = Call.select()
    assert (call.direction, call.from_number) == ("inbound", CALLER)


@pytest.mark.usefixtures("patient")
def test_concurrent_statuses_and_tool_calls_make_one_call(calling: Calling):
    """Given concurrent statuses and tool calls of one call, then it is one call, and each is
    answered.
    """
    acts = [rings, asks_a_tool] * 2
    barrier, failed = threading.Barrier(len(acts)), []

    def at_once(act):
        try:
            barrier.wait(120)
            act(calling, "vapi-1")
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            release_connection()

    threads = [threading.Thread(target=at_once, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert failed == []
    (call,) = Call.select()
    assert [row.call_id for row in CallSlot.select()] == [call.id]


def test_call_to_a_number_that_is_not_ours_is_not_recorded(calling: Calling):
    calling.line.vapi_id = "pn-of-somebody-else"
    rings(calling, "vapi-1")
    assert (Call.select().count(), calling.slots()) == (0, 0)


def missed(calling: Calling, script: str) -> str:
    """Make an inbound call at Vapi whose messages are all lost, and return its Vapi id."""
    answers(calling.vapi, CALLER, script)
    with calling.vapi.shared.lock:
        vapi_id = str(incoming(calling.vapi.books, calling.line.e164 or "", CALLER, {})["id"])
    assert calling.hears() == []
    return vapi_id


def reading() -> StagedJob:
    """Return the list-reading job that was staged last."""
    found = StagedJob.one("name = 'read_missed_calls' ORDER BY id DESC LIMIT 1")
    assert found is not None
    return found


def reads() -> None:
    """Perform the list-reading jobs in turn, each with success."""
    while (row := reading()).state != "done":
        read_missed_calls.perform(*json.loads(row.args))
        StagedJob.update(state="done").where(StagedJob.id == row.id).execute()


def looks(calling: Calling) -> None:
    """Read Vapi's call list and poll the calls found in it."""
    find_missed_calls.perform()
    reads()
    for call in Call.select():
        calling.quiet_for(call, 5)
    poll_calls.perform()
    calling.polls()


def test_call_missed_during_an_outage_is_found_with_its_opt_out(calling: Calling):
    """Given a caller who said stop during our outage, when Vapi's list is read twice, then the
    clinic has the call with its transcript, and the caller is opted out.
    """
    vapi_id = missed(calling, "says_stop")
    assert Call.select().count() == 0
    looks(calling)
    looks(calling)

    (call,) = Call.select()
    assert (call.vapi_id, call.direction, call.state) == (vapi_id, "inbound", "ended")
    assert "Stop calling me." in call.transcript
    assert calling.slots() == 0
    (said,) = OptOut.select()
    assert (said.phone, said.channels) == (CALLER, ["sms", "voice"])


def test_stop_in_a_transcript_counts_before_vapis_analysis(calling: Calling):
    """Given a call in which the caller said stop and which has a transcript but no analysis yet,
    when it is polled, then the caller is opted out at once, and the report is still awaited.
    """
    missed(calling, "says_stop_unheard")
    looks(calling)
    looks(calling)

    (call,) = Call.select()
    assert (call.state, call.reported_at) == ("ended", None)
    (said,) = OptOut.select()
    assert (said.phone, said.channels, said.reference) == (CALLER, ["sms", "voice"], call.id)


def test_stop_in_a_call_polled_again_is_recorded_once(calling: Calling):
    """Given a caller who said stop, and changed their mind, when the call is looked at again while
    its analysis is waited for, then no opt-out is recorded or announced once more.
    """
    missed(calling, "says_stop_unheard")
    looks(calling)
    with transaction():
        said = {"source": "desk", "recorded_by": "anna"}
        OptOut.record(calling.account.id, CALLER, "start", ("sms", "voice"), **said)
    looks(calling)
    assert Call.get().reported_at is None
    assert [row.wish for row in OptOut.select().order_by(OptOut.id)] == ["stop", "start"]


@pytest.mark.parametrize("by_tool", [False, True], ids=["by analysis", "by tool before"])
def test_what_an_unverified_caller_told_is_left_to_staff_once(calling: Calling, by_tool: bool):
    """Given a caller who is not verified and has an attorney, when the report says so, twice, then
    staff have one work item about the call, also if the assistant's tool opened it.
    """
    rings(calling, "vapi-1")
    call = Call.by_vapi_id("vapi-1")
    if by_tool:
        asked = [("toolu_1", "requestHuman", {"reason": "unverified"})]
        body = json.dumps(tool_message(shown(calling, "vapi-1"), asked)).encode()
        got = calling.client.simulate_post("/api/vapi/tools", body=body, headers=PROOF)
        assert got.json["results"][0]["result"].startswith("Recorded")
    report = {"endedReason": "customer-ended-call", "artifact": {}}
    report["analysis"] = {"structuredData": {"outcome": "attorney"}}
    for _ in range(2):
        tells(calling, "vapi-1", "end-of-call-report", **report)
    (item,) = WorkItem.select()
    assert (item.kind, item.state, item.customer_id) == ("call", "open", None)
    assert (item.context["callId"], item.context["phone"]) == (call.id, CALLER)
    assert ("attorney" in item.words) is not by_tool
    assert OptOut.select().count() == 0


@pytest.mark.one_database
@pytest.mark.parametrize("outcome", ["nothing", "link_sent", "refused", "wrong_person"])
def test_an_unverified_caller_who_wants_nothing_makes_no_work(calling: Calling, outcome: str):
    report = {"endedReason": "customer-ended-call", "artifact": {}}
    report["analysis"] = {"structuredData": {"outcome": outcome}}
    tells(calling, "vapi-1", "end-of-call-report", **report)
    assert Call.by_vapi_id("vapi-1").state == "ended"
    assert WorkItem.select().count() == 0


@pytest.mark.one_database
@pytest.mark.parametrize(("outcome", "items"), [("wants_person", 0), ("attorney", 1)])
def test_an_unverified_caller_connected_with_staff_need_not_be_called(
    calling: Calling, outcome: str, items: int
):
    """Given an unverified caller whom the assistant connected with a person at the clinic, then
    that they wanted one makes no work; what else they said does.
    """
    report = {"endedReason": "assistant-forwarded-call", "artifact": {}}
    report["analysis"] = {"structuredData": {"outcome": outcome}}
    tells(calling, "vapi-1", "end-of-call-report", **report)
    assert Call.by_vapi_id("vapi-1").state == "ended"
    assert WorkItem.select().count() == items


def asked_since(calling: Calling) -> list[str]:
    """Return the start of the period asked for in each request for Vapi's call list."""
    rows = calling.stand_in.sandbox.shared.requests.select(
        {"provider": "vapi", "method": "GET", "path": "/call"}
    )
    return [row["params"]["createdAtGe"][:19] for row in rows]


def test_each_reading_of_missed_calls_overlaps_the_previous_one(calling: Calling):
    """Given completed readings, then the next one starts a little before the last was staged; the
    first starts before the last reading of the previous release.
    """
    about = {"name": "find_missed_calls", "queue": "periodic", "max_attempts": 3, "due_at": 0}
    begun = real_now() - STRETCH / 2
    StagedJob.create(**about, key="1", state="done", created_at=to_micros(begun))
    find_missed_calls.perform()
    reads()
    find_missed_calls.perform()
    read_missed_calls.perform(int(reading().key))
    first = StagedJob.one("name = 'read_missed_calls' ORDER BY id LIMIT 1")
    assert first is not None
    then = datetime.fromtimestamp(first.created_at / 1_000_000, UTC)
    assert asked_since(calling) == [(moment - OVERLAP).isoformat()[:19] for moment in (begun, then)]


def test_reading_job_that_keeps_dying_stays_one_row_and_is_retried(calling: Calling):
    """Given a reading whose job dies again and again, then it stays one row, is retried at the next
    tick, and finds a call that came in during the outage.
    """
    find_missed_calls.perform()
    reads()
    find_missed_calls.perform()
    known = reading()
    for _ in range(288):  # a day of ticks
        StagedJob.update(state="dead").where(StagedJob.id == reading().id).execute()
        find_missed_calls.perform()
        assert (reading().state, reading().attempts) == ("waiting", 0)
    find_missed_calls.perform()
    assert reading() == known
    vapi_id = missed(calling, "hangs_up")
    reads()
    assert Call.get().vapi_id == vapi_id


def test_missed_calls_of_a_long_outage_are_read_hour_by_hour(calling: Calling):
    """Given two days of unread calls, more than Vapi lists at once, then each request covers one
    stretch, and together they cover all of it.
    """
    begun = real_now() - 48 * STRETCH - timedelta(minutes=1)
    about = {"name": "find_missed_calls", "queue": "periodic", "max_attempts": 3, "due_at": 0}
    StagedJob.create(**about, key="1", state="done", created_at=to_micros(begun))
    vapi_id = missed(calling, "hangs_up")
    find_missed_calls.perform()
    reads()
    rows = calling.stand_in.sandbox.shared.requests.select(
        {"provider": "vapi", "method": "GET", "path": "/call"}
    )
    asked = [row["params"] for row in rows]
    since = [datetime.fromisoformat(each["createdAtGe"]) for each in asked]
    until = [datetime.fromisoformat(each["createdAtLe"]) for each in asked[:-1]]
    assert since == [begun + number * STRETCH - OVERLAP for number in range(49)]
    assert until == [each + OVERLAP for each in since[1:]]
    assert "createdAtLe" not in asked[-1]
    assert Call.get().vapi_id == vapi_id


@pytest.mark.parametrize("later", [timedelta(0), 2 * STRETCH], ids=["at once", "after an outage"])
def test_hour_with_more_calls_than_one_list_is_read_page_by_page(
    calling: Calling, monkeypatch: pytest.MonkeyPatch, later: timedelta
):
    """Given an hour with more calls than one job reads, one of which raises an error, then the
    others are received; and the next reading starts from when that hour's first page was staged,
    however much later the rest was read.
    """
    begun = real_now() - timedelta(minutes=50)
    about = {"name": "find_missed_calls", "queue": "periodic", "max_attempts": 3, "due_at": 0}
    StagedJob.create(**about, key="1", state="done", created_at=to_micros(begun))
    ids = [missed(calling, "hangs_up") for _ in range(8)]
    for minute, vapi_id in enumerate(ids):
        made = rfc3339(begun + timedelta(minutes=minute))
        calling.vapi.books.tables["call"][vapi_id]["createdAt"] = made
    for name, most in {"PAGE": 3, "FULL": 3, "MOST_PAGES": 2}.items():
        monkeypatch.setattr(lists, name, most)
    receive = job.receive_call

    def stumbles(told):
        if told.id == ids[5]:
            raise ArithmeticError("as nobody expects")
        receive(told)

    monkeypatch.setattr(job, "receive_call", stumbles)
    find_missed_calls.perform()
    first = reading()
    read_missed_calls.perform(*json.loads(first.args))
    StagedJob.update(state="done").where(StagedJob.id == first.id).execute()
    monkeypatch.setattr(job, "real_now", lambda: real_now() + later)
    reads()
    assert {call.vapi_id for call in Call.select()} == {*ids} - {ids[5]}
    find_missed_calls.perform()
    assert reading().key == str(first.created_at)


def test_missed_calls_are_not_listed_without_a_phone_line(calling: Calling):
    calling.line.delete_instance()
    find_missed_calls.perform()
    assert StagedJob.select().where(StagedJob.name == "read_missed_calls").count() == 0
    rows = calling.stand_in.sandbox.shared.requests.select({"provider": "vapi", "method": "GET"})
    assert [row["path"] for row in rows if row["path"] == "/call"] == []
