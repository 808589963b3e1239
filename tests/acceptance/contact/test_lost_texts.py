"""An inbound text that we could not receive is not lost: Twilio tries the fallback URL at once, and
texts whose webhook failed are found in its message list.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from actions.people.missed_texts import AT_ONCE
from bin.commands.checks.texting import check_senders
from jobs.poll_inbound_texts import poll_inbound_texts, read_inbound_texts
from models.books.inbox_event import InboxEvent
from models.contact.account_sender import AccountSender
from models.contact.opt_out import OptOut
from models.contact.text_watermark import FIRST, SETTLED, TextWatermark
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.deployment.phone_line import PhoneLine
from models.transactions import database
from providers.twilio.messages import LARGEST_PAGE
from runtime.clock import real_now
from runtime.killpoint import Unwound
from runtime.settings import get_settings
from sandbox.twilio.account import MAGIC_ACCOUNT, Sender
from sandbox.twilio.carrier import receive
from sandbox.twilio.control import add_sender
from sandbox.twilio.numbers import MAGIC_SERVICE
from tests import given
from tests.faults.failing_database import FailingDatabase
from tests.stories.texting import HOME, INBOUND, SHARED_NUMBER, Texting

OWN_NUMBER, FOREIGN_NUMBER = "+12125550160", "+12125550170"
OWN_SERVICE = f"MG{'a' * 32}"
VISA = "4242 4242 4242 4242"
MINUTE = timedelta(minutes=1)


class Unheard(Texting):
    """A clinic whose webhooks can be lost, and whose Twilio message list is read."""

    def loses(
        self, body: str, ago: timedelta = 5 * MINUTE, to: str = SHARED_NUMBER, **changes: object
    ) -> str:
        """Let the customer text `ago` without a webhook arriving, and return the text's sid."""
        with self.twilio.shared.lock:
            phone = str(changes.pop("phone", self.phone))
            sid = receive(self.twilio.books, phone, to, body, is_lost=True)["sid"]
            date = format_datetime(datetime.now(UTC) - ago)
            row = self.twilio.books.messages[sid]
            row.update({"date_created": date, "date_sent": date, **changes})
        return str(sid)

    def arrives_late(self, sid: str) -> list[int]:
        """Deliver the webhook after all."""
        shared = self.stand_in.sandbox.shared
        with shared.lock:
            assert shared.outbox.redeliver(sid, shared.wall()) == 1
        return self.deliver()

    def looks(self) -> None:
        """Read Twilio's message list."""
        poll_inbound_texts.perform()
        given.relayed(self.redis)
        given.worked(self.redis, "periodic")

    def lists(self) -> list[dict]:
        """Return the requests for Twilio's message list."""
        rows = self.stand_in.sandbox.shared.requests.select({"provider": "twilio", "method": "GET"})
        return [row for row in rows if row["path"].endswith("/Messages.json")]

    def has_own_number(self, number: str = OWN_NUMBER, since: timedelta = timedelta()) -> None:
        """Give the clinic a number of its own to text from, assigned `since` ago."""
        add_sender(self.twilio, Sender(number, "", HOME + INBOUND))
        AccountSender.assign(self.account, None, number, real_now() - since)

    def stops(self) -> list[OptOut]:
        """Return the stop opt-outs recorded for the clinic."""
        return [
            row
            for row in OptOut.select()
            if row.account_id == self.account.id and row.wish == "stop"
        ]

    def reason(self) -> str | None:
        """Return why a text is refused now, or None if it is not."""
        answer = self.ask()
        return answer.json.get("reasonCode") if answer.status_code != 202 else None


@pytest.fixture
def clinic(texting: Texting, monkeypatch: pytest.MonkeyPatch) -> Unheard:
    monkeypatch.delenv("PAYPHONE_SETTLING")
    get_settings.cache_clear()
    texting.__class__ = Unheard
    return texting.consents()


@pytest.fixture
def failing(clinic: Unheard) -> Iterator[FailingDatabase]:
    """The application's database, which fails once when a test orders it to."""
    made = FailingDatabase(database.obj)
    yield made
    made.remove()


def kept(sid: str) -> dict[str, str]:
    (row,) = InboxEvent.select().where(InboxEvent.event_id == sid)
    return json.loads(row.payload)


def doctor() -> str:
    """Return doctor's level for how far the list has been read."""
    found = {each.what: each for each in check_senders(get_settings())}
    return found["texts that came in"].level


def told() -> list[tuple[str, str]]:
    """Return each work item's account and the customer's words in it."""
    return [
        (item.account_id, said["text"])
        for item in WorkItem.select().order_by(WorkItem.id)
        for said in item.context["said"]
    ]


def test_a_stop_arrives_at_the_fallback_url_when_its_webhook_fails(clinic, failing):
    """Given a database that fails once, when a customer texts STOP, then Twilio, which never
    retries a URL that answered, tries the fallback URL, and one opt-out is recorded.
    """
    url = HOME + INBOUND
    add_sender(clinic.twilio, Sender(SHARED_NUMBER, MAGIC_SERVICE, url, url))
    failing.order(1)
    assert clinic.hear("STOP") == [503, 200]
    assert clinic.reason() == "opted_out"
    assert len(clinic.stops()) == 1


def test_a_stop_with_a_lost_webhook_is_found_in_twilios_list(clinic, failing):
    """Given a database that failed when a customer texted STOP, and no fallback URL, then the STOP
    is found in Twilio's list, and texts and calls are opted out from when it was said.
    """
    failing.order(1)
    assert clinic.hear("STOP") == [503]
    asked = clinic.ask().json["message"]["id"]
    (row,) = [each for each in clinic.twilio.books.messages.values() if each["body"] == "STOP"]
    row["date_created"] = format_datetime(datetime.now(UTC) - 2 * SETTLED)
    clinic.looks()
    ledger = clinic.ledger()
    assert (ledger["sms"]["optedOut"], ledger["voice"]["optedOut"]) == (True, True)
    clinic.work()
    assert clinic.sent() == []
    assert clinic.message(asked).error_code == "opted_out", "asked for before they were heard"
    (stop,) = clinic.stops()
    assert (stop.reference, stop.words) == (row["sid"], "STOP")
    assert real_now() - stop.at > SETTLED, "it counts from when it was said"


def test_a_text_counts_once_though_found_in_the_list_and_delivered_late(clinic):
    found_first = clinic.loses("STOP")
    clinic.looks()
    assert clinic.arrives_late(found_first) == [200]
    clinic.hear("Please stop")
    clinic.looks()
    assert len(clinic.stops()) == 2
    assert InboxEvent.select().count() == 2


def test_a_text_that_has_just_arrived_is_left_to_its_webhook(clinic):
    """Given a text that has just arrived, then the list reading leaves it to its webhook, which
    carries more about it.
    """
    sid = clinic.loses("STOP", ago=timedelta(seconds=20))
    clinic.looks()
    assert clinic.stops() == []
    assert clinic.arrives_late(sid) == [200]
    assert len(clinic.stops()) == 1


def test_the_latest_stop_or_start_counts_in_whatever_order_they_arrive(clinic):
    """Given a START whose webhook was lost and a later STOP that arrived, then finding the START
    lifts nothing; and a later START that arrived outweighs a STOP found after it.
    """
    clinic.loses("START", ago=9 * MINUTE)
    clinic.hear("STOP")
    clinic.looks()
    assert clinic.reason() == "opted_out"
    clinic.loses("STOP", ago=8 * MINUTE)
    clinic.hear("START")
    clinic.looks()
    assert clinic.ledger()["sms"]["optedOut"] is False


@pytest.mark.parametrize("is_lost", [True, False], ids=["found", "heard"])
@pytest.mark.parametrize(
    ("later", "is_stopped"), [(10, True), (0, True), (-10, False)], ids=["later", "same", "before"]
)
def test_of_a_start_and_a_stop_seconds_apart_the_later_counts(clinic, is_lost, later, is_stopped):
    """Given a START whose webhook came late, and a STOP in the customer's own words, from its
    webhook or from the list alone, then Twilio's times decide; within one second the STOP counts.
    """
    ago = 5 * MINUTE
    start = clinic.loses("START", ago=ago)
    stop = clinic.loses("please do not text me any more", ago=ago - timedelta(seconds=later))
    for sid in [*([] if is_lost else [stop]), start]:
        assert clinic.arrives_late(sid) == [200]
    for _ in range(2):
        clinic.looks()
    assert (clinic.reason() == "opted_out") == is_stopped
    rows = len(clinic.stops())
    clinic.looks()
    assert len(clinic.stops()) == rows, "it is told once"


@pytest.mark.parametrize(
    ("later", "is_stopped"), [(10, True), (-10, False)], ids=["later", "before"]
)
def test_of_a_start_and_a_stop_on_different_pages_the_later_counts(
    clinic, monkeypatch, later, is_stopped
):
    """Given a START received after a STOP and listed by Twilio on another page, then Twilio's times
    decide.
    """
    monkeypatch.setattr("providers.twilio.messages.LARGEST_PAGE", 1)
    ago = 5 * MINUTE
    start = clinic.loses("START", ago=ago)
    stop = clinic.loses("please do not text me any more", ago=ago - timedelta(seconds=later))
    for sid in (stop, start):
        assert clinic.arrives_late(sid) == [200]
    for _ in range(8):
        clinic.looks()
    assert (clinic.reason() == "opted_out") == is_stopped
    rows = len(clinic.stops())
    for _ in range(4):
        clinic.looks()
    assert len(clinic.stops()) == rows, "it is told once"


def fails(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Make the processing of texts that begin with these words fail."""
    job = sys.modules["actions.people.missed_texts"]
    take = job._take

    def stumbles(text, service):
        if text.body.startswith(words):
            raise ArithmeticError("as nobody expects")
        take(text, service)

    monkeypatch.setattr(job, "_take", stumbles)


def test_failing_older_texts_do_not_block_a_newer_stop(clinic, monkeypatch):
    """Given more failing older texts than one attempt processes, then a newer STOP is still
    recorded.
    """
    for place in range(3):
        clinic.loses(f"Odd {place}", ago=9 * MINUTE, phone=f"+1202555{place:04}")
    clinic.loses("STOP")
    fails(monkeypatch, "Odd")
    monkeypatch.setattr(sys.modules["actions.people.missed_texts"], "AT_ONCE", 2)
    clinic.looks()
    assert clinic.reason() == "opted_out"


def test_a_start_that_arrives_late_does_not_revive_a_withdrawn_stop(clinic):
    """Given START, STOP and START again, of which the first arrives last, then texts are
    allowed.
    """
    first, stop, last = (
        clinic.loses(words, ago=ago * MINUTE)
        for words, ago in (("START", 5), ("please do not text me any more", 4), ("START", 3))
    )
    for sid in (stop, last, first):
        assert clinic.arrives_late(sid) == [200]
    clinic.looks()
    assert clinic.reason() is None


@pytest.mark.parametrize(("first", "last"), [("STOP", "START"), ("START", "STOP")])
def test_within_one_second_the_text_twilio_lists_as_newer_counts(clinic, first, last):
    for words in (first, last):
        clinic.loses(words)
    clinic.looks()
    assert clinic.ledger()["sms"]["optedOut"] is (last == "STOP")


def test_another_found_text_becomes_a_work_item_with_its_original_time(clinic):
    clinic.send()
    clinic.loses("What is this bill for?", ago=40 * MINUTE)
    clinic.looks()
    (item,) = WorkItem.select()
    (said,) = item.context["said"]
    assert said["text"] == "What is this bill for?"
    assert real_now() - datetime.fromisoformat(said["at"]) > 39 * MINUTE


def test_a_help_found_late_becomes_a_work_item_and_gets_no_auto_reply(clinic):
    """Given a HELP found in the list, which cannot be answered there, then it becomes a work item
    and no text is sent: an answer this late would make no sense.
    """
    clinic.send()
    clinic.loses("HELP")
    clinic.looks()
    assert told() == [(clinic.account.id, "HELP")]
    clinic.work()
    assert len(clinic.sent()) == 1, "the text that was asked for before"


def test_a_stop_word_only_twilio_knows_counts_once_its_webhook_arrives(clinic):
    """Given a word that only Twilio treats as STOP, found in the list, which does not say so, when
    its webhook arrives late, twice, then one opt-out is recorded.
    """
    sid = clinic.loses("Sayonara")
    clinic.looks()
    assert clinic.stops() == []
    fields = kept(sid) | {"OptOutType": "STOP"}
    for _ in range(2):
        assert clinic.tell(INBOUND, fields).status_code == 200
    assert len(clinic.stops()) == 1
    assert clinic.reason() == "opted_out"


def test_card_numbers_in_found_texts_are_not_stored(clinic):
    clinic.send()
    sid = clinic.loses(f"Charge {VISA} and stop")
    clinic.looks()
    assert VISA not in json.dumps([kept(sid), [row.words for row in OptOut.select()], told()])
    assert kept(sid)["Body"] == "Charge [card number removed] and stop"


def test_a_stop_counts_when_the_list_omits_the_messaging_service(clinic):
    """Given a number of the shared service that the list shows without its service, then the
    service's own numbers are read, and a STOP from a customer never texted before counts.
    """
    sid = clinic.loses("STOP", messaging_service_sid=None)
    clinic.looks()
    assert clinic.reason() == "opted_out"
    assert kept(sid)["MessagingServiceSid"] == MAGIC_SERVICE


def test_a_stop_to_a_clinics_line_is_matched_to_the_clinics_own_service(clinic):
    """Given a clinic whose phone line belongs to its own messaging service, and a list that names
    no service, then a STOP to the line counts for that service.
    """
    AccountSender.assign(clinic.account, OWN_SERVICE, None, real_now())
    add_sender(clinic.twilio, Sender(OWN_NUMBER, OWN_SERVICE))
    now = real_now()
    PhoneLine.create(
        id="line_1",
        account=clinic.account,
        e164=OWN_NUMBER,
        state="owned",
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    sid = clinic.loses("STOP", to=OWN_NUMBER, messaging_service_sid=None)
    clinic.looks()
    assert kept(sid)["MessagingServiceSid"] == OWN_SERVICE
    assert clinic.reason() == "opted_out"


def test_an_unreadable_service_does_not_block_texts_to_other_numbers(clinic):
    """Given an older text to a number whose service cannot be read, then a STOP to a known number
    is recorded all the same.
    """
    clinic.has_own_number()
    add_sender(clinic.twilio, Sender(FOREIGN_NUMBER, f"MG{'f' * 32}"))
    clinic.loses("Hello?", ago=9 * MINUTE, to=FOREIGN_NUMBER, messaging_service_sid=None)
    clinic.loses("STOP", to=OWN_NUMBER)
    clinic.stand_in.sandbox.inject_fault(
        kind="error_500",
        provider="twilio",
        method="GET",
        path=f"/messaging/v1/Services/{MAGIC_SERVICE}/PhoneNumbers",
        times=2,
    )
    clinic.looks()
    assert len(clinic.stops()) == 1
    assert clinic.job("read_inbound_texts").last_error


def test_texts_to_another_systems_number_are_not_stored(clinic):
    """Given a number in the same Twilio account that another system uses, then no text to it is
    stored, and nobody is opted out.
    """
    add_sender(clinic.twilio, Sender(FOREIGN_NUMBER, f"MG{'f' * 32}"))
    clinic.loses("STOP", to=FOREIGN_NUMBER, messaging_service_sid=None)
    clinic.loses("My test results, please?", to=FOREIGN_NUMBER)
    clinic.looks()
    assert (InboxEvent.select().count(), OptOut.select().count()) == (0, 0)
    assert clinic.reason() is None


def test_texts_from_before_a_clinic_had_the_number_open_no_work_item(clinic):
    """Given a number that a clinic has had for ten minutes, then older texts to it are no work for
    the clinic, but an older STOP counts.
    """
    clinic.has_own_number(since=10 * MINUTE)
    clinic.loses("Is this the pizza place?", ago=30 * MINUTE, to=OWN_NUMBER)
    clinic.looks()
    assert told() == []
    clinic.loses("STOP", ago=29 * MINUTE, to=OWN_NUMBER)
    clinic.looks()
    assert clinic.reason() == "opted_out"
    assert told() == []


def test_a_text_to_a_number_that_moved_goes_to_its_owner_at_the_time(clinic):
    """Given a number that moved from one clinic to another, when a reply from before the move is
    found, then the first clinic gets the work item; a STOP counts at both.
    """
    clinic.has_own_number(since=timedelta(days=30))
    clinic.send()
    other = clinic.another_clinic().consents()
    AccountSender.assign(clinic.account, None, "+12125550161", real_now())
    other.has_own_number(since=10 * MINUTE)
    clinic.loses("Is the crown in it?", ago=20 * MINUTE, to=OWN_NUMBER)
    clinic.looks()
    assert told() == [(clinic.account.id, "Is the crown in it?")]
    clinic.loses("STOP", ago=19 * MINUTE, to=OWN_NUMBER)
    clinic.looks()
    assert [len(each.stops()) for each in (clinic, other)] == [1, 1]
    assert other.reason() == "opted_out"


def test_a_start_to_a_number_that_moved_since_counts_for_who_had_it(clinic):
    """Given a number that moved from one clinic to another, when a START from before the move is
    found, then it ends the first clinic's opt-out and not the other's.
    """
    clinic.has_own_number(since=timedelta(days=30))
    clinic.send()
    other = clinic.another_clinic().consents()
    AccountSender.assign(clinic.account, None, "+12125550161", real_now())
    other.has_own_number(since=10 * MINUTE)
    said = {"source": "front desk", "recorded_by": "test", "at": real_now() - 60 * MINUTE}
    for each in (clinic, other):
        OptOut.record(each.account.id, clinic.phone, "stop", ["sms"], **said)
    clinic.loses("START", ago=20 * MINUTE, to=OWN_NUMBER)
    clinic.looks()
    assert [each.ledger()["sms"]["optedOut"] for each in (clinic, other)] == [False, True]


def test_a_start_counts_if_the_clinics_sender_was_only_set_again_since(clinic):
    """Given a clinic that has had its number for a month, when the number is set once more and then
    an earlier START is found, then it counts.
    """
    clinic.has_own_number(since=timedelta(days=30))
    said = {"source": "front desk", "recorded_by": "test", "at": real_now() - 60 * MINUTE}
    OptOut.record(clinic.account.id, clinic.phone, "stop", ["sms"], **said)
    clinic.loses("START", ago=20 * MINUTE, to=OWN_NUMBER)
    AccountSender.assign(clinic.account, None, OWN_NUMBER, real_now(), "approved")
    clinic.looks()
    assert clinic.ledger()["sms"]["optedOut"] is False
    assert AccountSender.get().registration == "approved"


def test_a_stop_to_an_unknown_rcs_agent_counts_only_for_people_we_texted(clinic):
    """Given one person we texted and one we did not, when both text STOP to an unknown RCS agent,
    then only the first is opted out, as by the webhook.
    """
    clinic.send()
    agent = {"to": "rcs:harbor_dental_agent", "messaging_service_sid": None}
    for phone in (clinic.phone, "+12025550199"):
        sid = clinic.loses("STOP", phone=phone)
        clinic.twilio.books.messages[sid].update(agent, **{"from": f"rcs:{phone}"})
    clinic.looks()
    assert {row.phone for row in OptOut.select()} == {clinic.phone}
    assert len(clinic.stops()) == 1


# pages and schedules of the reading


def busy(clinic: Unheard, texts: int) -> None:
    """Send this many texts a minute ago."""
    date = format_datetime(datetime.now(UTC) - MINUTE)
    with clinic.twilio.shared.lock:
        for _ in range(texts):
            clinic.twilio.books.new_message(
                MAGIC_ACCOUNT, to="+12025550188", body="Hi", date_sent=date
            )


def test_reading_the_list_continues_at_the_next_page(clinic):
    """Given more texts than Twilio lists at once, then another job reads the next page, and the
    watermark moves when the list ends.
    """
    clinic.loses("STOP")
    busy(clinic, LARGEST_PAGE + 1)
    poll_inbound_texts.perform()
    read_inbound_texts.perform()
    half = TextWatermark.get()
    assert (len(clinic.lists()), clinic.stops(), bool(half.next_page)) == (1, [], True)
    assert real_now() - half.read_to >= FIRST
    clinic.looks()
    assert len(clinic.lists()) == 2
    assert len(clinic.stops()) == 1
    read = TextWatermark.get()
    assert (read.until, read.next_page) == (None, "")
    assert SETTLED <= real_now() - read.read_to < SETTLED + 5 * MINUTE


def test_each_reading_begins_near_where_the_last_one_ended(clinic):
    clinic.looks()
    clinic.loses("STOP", ago=30 * MINUTE)
    busy(clinic, 2)
    clinic.looks()
    assert len(clinic.stops()) == 1, "listed late, by less than an hour"
    first, second = (datetime.fromisoformat(row["params"]["DateSent>"]) for row in clinic.lists())
    assert second - first > timedelta(days=2)


def test_reading_stops_at_the_first_page_older_than_the_watermark(clinic):
    """Given a Twilio that bounds the list by day, not by time, then the reading ends at the first
    page that reaches back beyond the time.
    """
    clinic.looks()
    date = format_datetime(datetime.now(UTC) - timedelta(hours=3))
    busy(clinic, 3 * LARGEST_PAGE)
    for row in clinic.twilio.books.messages.values():
        row["date_sent"] = date
    clinic.twilio.books.lists_by_day = True
    before = len(clinic.lists())
    clinic.looks()
    assert len(clinic.lists()) - before == 1
    assert TextWatermark.get().until is None


def test_many_found_texts_are_processed_in_batches(clinic):
    """Given a day of unprocessed texts, then each attempt processes only a batch of them."""
    for place in range(2 * AT_ONCE + 1):
        clinic.loses("STOP", ago=2 * SETTLED, phone=f"+1202555{place:04}")
    poll_inbound_texts.perform()
    read_inbound_texts.perform()
    assert InboxEvent.select().count() == AT_ONCE
    assert TextWatermark.select().count() == 0, "not all of it is read"
    clinic.looks()
    assert InboxEvent.select().count() == 2 * AT_ONCE + 1
    assert len(clinic.lists()) == 3
    assert TextWatermark.get().until is None


def test_a_crash_before_the_watermark_is_saved_loses_and_repeats_nothing(clinic, monkeypatch):
    clinic.loses("STOP")
    monkeypatch.setenv("PAYPHONE_ENV", "test")
    monkeypatch.setenv("PAYPHONE_KILL_AT", "raise:texts.before_commit")
    get_settings.cache_clear()
    with pytest.raises(Unwound):
        read_inbound_texts.perform()
    assert (len(clinic.stops()), TextWatermark.select().count()) == (1, 0)
    monkeypatch.delenv("PAYPHONE_KILL_AT")
    get_settings.cache_clear()
    clinic.looks()
    assert (len(clinic.stops()), InboxEvent.select().count()) == (1, 1)


@pytest.mark.parametrize("kind", ["rate_limit_429", "refuse", "error_500", "bad_gateway"])
def test_an_outage_or_throttling_at_twilio_delays_texts_but_loses_none(clinic, kind):
    """Given a Twilio that is down or throttles us, then the one job retries later, whatever the
    schedule does meanwhile, and nothing is lost.
    """
    clinic.looks()
    read_to = TextWatermark.get().read_to
    clinic.loses("STOP")
    clinic.fault(kind, method="GET", times=2)
    before = len(clinic.lists())
    for _ in range(3):
        clinic.looks()
    assert len(clinic.lists()) - before == 1
    assert doctor() == "ok"
    (job,) = StagedJob.select().where(StagedJob.name == "read_inbound_texts")
    assert (job.state, job.attempts) == ("waiting", 1)
    assert (clinic.stops(), TextWatermark.get().read_to) == ([], read_to)
    given.retried(clinic.redis, "periodic", 2)
    assert len(clinic.stops()) == 1
    assert TextWatermark.get().read_to > read_to


def test_a_reading_stuck_at_an_expired_page_starts_over(clinic):
    """Given a reading that stopped at a page long ago, then it starts again from the beginning."""
    now = real_now()
    TextWatermark.create(
        twilio_account=MAGIC_ACCOUNT,
        read_to=now - timedelta(hours=9),
        until=now - timedelta(hours=8),
        next_page="https://api.twilio.com/2010-04-01/gone.json",
    )
    assert doctor() == "warn"
    clinic.loses("STOP", ago=timedelta(hours=9))
    clinic.looks()
    assert len(clinic.stops()) == 1


def test_the_list_is_not_read_while_no_number_can_receive_texts(clinic, monkeypatch):
    monkeypatch.setenv("TWILIO_MESSAGING_SERVICE_SID", "")
    get_settings.cache_clear()
    clinic.looks()
    assert clinic.lists() == []
    clinic.has_own_number()
    clinic.looks()
    assert len(clinic.lists()) == 1


def test_a_failing_text_does_not_block_others_and_is_retried(clinic):
    """Given a reply that a corrupt row of ours blocks, and a later STOP, then the STOP is recorded,
    the reading goes on, and a job retries the reply until it is processed.
    """
    clinic.send()
    clinic.loses("What is it for?", ago=40 * MINUTE)
    clinic.looks()
    item = WorkItem.get()
    WorkItem.update(context=["odd"]).execute()
    clinic.loses("And what else?")
    clinic.loses("STOP", ago=4 * MINUTE)
    read_to = TextWatermark.get().read_to
    clinic.looks()
    assert len(clinic.stops()) == 1
    assert TextWatermark.get().read_to > read_to
    clinic.looks()
    assert clinic.job("take_missed_text").last_error
    assert StagedJob.select().where(StagedJob.name == "take_missed_text").count() == 1
    WorkItem.update(context=item.context).execute()
    given.retried(clinic.redis, "periodic", 1)
    assert [words for _, words in told()] == ["What is it for?", "And what else?"]
    assert clinic.job("take_missed_text").state == "done"


def test_failing_texts_are_tried_in_batches_like_any_others(clinic, monkeypatch):
    """Given more texts that fail than an attempt takes in, then each attempt tries that many, and
    keeps what it found of them.
    """
    for place in range(5):
        clinic.loses(f"Odd {place}", phone=f"+1202555{place:04}")
    fails(monkeypatch, "Odd")
    monkeypatch.setattr(sys.modules["actions.people.missed_texts"], "AT_ONCE", 2)
    failed = StagedJob.select().where(StagedJob.name == "take_missed_text")
    counted = []
    for _ in range(3):
        read_inbound_texts.perform()
        counted.append(failed.count())
    assert counted == [2, 4, 5]


def test_a_text_that_always_fails_does_not_block_later_pages(clinic, monkeypatch):
    """Given a text that always fails, on the first of two pages, then a STOP on the second is
    recorded, and the failing text's job ends dead.
    """
    monkeypatch.setattr("providers.twilio.messages.LARGEST_PAGE", 1)
    clinic.loses("STOP", ago=6 * MINUTE)
    odd = clinic.loses("Odd")
    fails(monkeypatch, "Odd")
    for _ in range(4):
        clinic.looks()
    assert len(clinic.stops()) == 1
    assert real_now() - TextWatermark.get().read_to < SETTLED + MINUTE
    given.retried(clinic.redis, "periodic", 16)
    job = clinic.job("take_missed_text")
    assert (json.loads(job.args), job.state) == ([odd], "dead")


def test_a_stop_that_failed_at_first_overrides_an_earlier_start(clinic, monkeypatch):
    """Given a START whose webhook came late, and a later STOP that failed at first, then the STOP
    counts once it is processed.
    """
    start = clinic.loses("START", ago=6 * MINUTE)
    clinic.loses("STOP")
    assert clinic.arrives_late(start) == [200]
    with monkeypatch.context() as patched:
        fails(patched, "STOP")
        clinic.looks()
    given.retried(clinic.redis, "periodic", 1)
    assert clinic.job("take_missed_text").state == "done"
    assert clinic.reason() == "opted_out"


def test_a_stop_that_fails_nine_times_is_recorded_by_the_next_retry(clinic, monkeypatch):
    """Given a STOP that fails nine times, then the next retry records it without anyone's help."""
    clinic.loses("STOP")
    with monkeypatch.context() as patched:
        fails(patched, "STOP")
        clinic.looks()
        given.retried(clinic.redis, "periodic", 9)
    given.retried(clinic.redis, "periodic", 1)
    assert clinic.job("take_missed_text").state == "done"
    assert clinic.reason() == "opted_out"


def test_a_text_without_a_sender_does_not_block_others(clinic):
    clinic.loses("STOP", **{"from": None})
    clinic.loses("STOP")
    clinic.looks()
    assert len(clinic.stops()) == 1
