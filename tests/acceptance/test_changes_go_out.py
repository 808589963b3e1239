"""The feed of events, and the webhooks that deliver them (B13)."""

import base64
import sys
import threading
from datetime import timedelta

import pytest

from actions.feed import hold_deliveries
from delivery.attempt import perform
from delivery.registry import find_job
from models import transactions
from models.delivery.attempt import claim_job, snooze_job
from models.delivery.idempotency_key import IdempotencyKey
from models.delivery.staged_job import StagedJob
from models.feed import webhook_endpoint
from models.feed.emit import HELD, emit
from models.feed.outgoing_event import OutgoingEvent, feed_after
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.payments.payment import Payment
from models.transactions import database, database_time, transaction
from providers import outgoing_webhooks
from runtime.clock import real_now
from tests import given
from tests.clinic import Clinic

SLOWER = 12


@pytest.fixture
def slowly(monkeypatch):
    """Quiet periods after failures are twelve times as long, so that even a busy machine looks
    before they are over.
    """
    assert webhook_endpoint.QUIET == (5, 60, 300)
    quiet = tuple(seconds * SLOWER for seconds in webhook_endpoint.QUIET)
    monkeypatch.setattr(webhook_endpoint, "QUIET", quiet)


@pytest.fixture
def clinic(receiver, client, valkey):
    return Listening(client, receiver, valkey.client())


class Listening(Clinic):
    """A clinic whose software receives webhooks."""

    def __init__(self, client, software, redis):
        super().__init__(client, redis=redis)
        self.receiver = software

    def register(self, url=None, events=(), key=None, headers=None):
        extra = {"Idempotency-Key": key} if key else {}
        body = {"url": url or self.receiver.url, "events": list(events)}
        return self.client.simulate_post(
            "/api/webhook-endpoints", json=body, headers=(headers or self.headers) | extra
        )

    def listening(self, **more):
        made = self.register(**more).json
        self.receiver.secret = made["secret"]
        return WebhookEndpoint.get_by_id(made["id"])

    def deliver(self, later=False):
        """Run the deliveries that are due; with `later`, also those that wait."""
        if later:
            given.make_due()
            WebhookEndpoint.update(quiet_until=None).execute()
        given.relayed(self.redis)
        return given.worked(self.redis, "outgoing")

    def time_passes(self, seconds):
        """Age everything that waits or is timed by so many seconds; then run what is due."""
        micros = seconds * 1_000_000
        StagedJob.update(due_at=StagedJob.due_at - micros).where(
            StagedJob.state == "waiting"
        ).execute()
        older = {
            "quiet_until": WebhookEndpoint.quiet_until - micros,
            "failing_since": WebhookEndpoint.failing_since - micros,
        }
        WebhookEndpoint.update(older).execute()
        WebhookDelivery.update(created_at=WebhookDelivery.created_at - micros).execute()
        return self.deliver()

    def patch(self, endpoint, **changes):
        return self.client.simulate_patch(
            f"/api/webhook-endpoints/{endpoint.id}", json=changes, headers=self.headers
        )

    def happened(self, count=1):
        """Emit `count` events; return their ids."""
        return [
            emit(self.account.id, "invoice.paid", {"number": number}).event_id
            for number in range(count)
        ]

    def pays(self, invoice=None, **more):
        invoice = invoice or given.an_invoice(self.account)
        self.happens("payment_intent.succeeded", given.an_intent(invoice, **more))
        return invoice


def test_a_paid_invoice_is_announced_in_the_feed_and_by_webhook(clinic):
    """Given an endpoint, when an invoice is paid, then it gets one signed event, the same as in the
    feed.
    """
    clinic.listening(events=["invoice.paid"])
    invoice = clinic.pays()
    clinic.deliver()
    feed = clinic.get("/api/events").json
    [told], [_, listed] = clinic.receiver.events, feed["data"]
    assert told == listed
    assert told["accountId"] == clinic.account.id
    assert (
        listed["type"],
        listed["data"]["invoiceId"],
        listed["data"]["amountPaid"],
        listed["data"]["status"],
    ) == ("invoice.paid", invoice.id, 12_500, "paid")
    assert not {"name", "phone", "email", "notes", "project"} & set(listed["data"])
    [(headers, _)] = clinic.receiver.got
    assert headers["webhook-id"] == listed["id"]
    assert (
        clinic.get(f"/api/webhook-endpoints/{WebhookEndpoint.get().id}").json["deliveries"][0][
            "status"
        ]
        == "delivered"
    )


def test_each_transition_is_announced_once(clinic):
    """Given an invoice that is paid, partly refunded and paid again, then it is reported as paid
    twice; an event that changes nothing is not reported.
    """
    invoice = given.an_invoice(clinic.account)
    intent = given.an_intent(invoice)
    for kind in ("payment_intent.succeeded", "payment_intent.succeeded", "charge.succeeded"):
        clinic.happens(kind, intent)
    clinic.happens("refund.created", given.a_refund(intent, 500))
    clinic.pays(invoice, amount=500)
    assert clinic.told() == [
        "payment.succeeded",
        "invoice.paid",
        "refund.succeeded",
        "payment.succeeded",
        "invoice.paid",
    ]


def test_a_partial_payment_is_announced_once(clinic):
    """Given an endpoint for payments, when a part is paid by card and another in cash, each
    reported twice, then the endpoint gets each once, while the invoice is still owed.
    """
    clinic.listening(events=["payment.succeeded"])
    intent = given.an_intent(clinic.invoice, amount=5_000)
    for _ in range(2):
        clinic.happens("payment_intent.succeeded", intent)
        clinic.takes(2_500, "cash", "till 7")
    clinic.deliver()
    assert (clinic.now.status, clinic.now.outstanding) == ("sent", 5_000)
    listed = clinic.get("/api/events").json["data"]
    assert {event["id"] for event in clinic.receiver.events} == {event["id"] for event in listed}
    same = {"invoiceId": clinic.invoice.id, "currency": "usd", "status": "succeeded"}
    card, cash = Payment.select().order_by(Payment.amount.desc())
    assert [event["data"] for event in listed] == [
        same
        | {
            "paymentId": payment.id,
            "paymentIntentId": payment.intent_id,
            "method": method,
            "amount": amount,
            "callId": None,
        }
        for payment, method, amount in ((card, "stripe", 5_000), (cash, "cash", 2_500))
    ]


def test_an_overdue_invoice_is_announced_once(clinic):
    """Given an overdue invoice, when the scan runs twice, then the feed has one event."""
    from jobs.mark_overdue import mark_overdue

    given.an_invoice(clinic.account, due_date=given.days_from_today(-3))
    for _ in range(2):
        mark_overdue.perform()
    assert [row["type"] for row in clinic.get("/api/events").json["data"]] == ["invoice.overdue"]


@pytest.mark.parametrize(
    ("code", "shown"),
    [("insufficient_funds", "insufficient_funds"), ("stolen_card", "card_declined")],
)
def test_a_failed_charge_is_announced_once_without_revealing_a_stolen_card(clinic, code, shown):
    """Given a declined card, reported twice, then the feed has one payment.failed, which does not
    say that a card was stolen.
    """
    invoice = given.an_invoice(clinic.account)
    failed = given.an_intent(
        invoice,
        "requires_payment_method",
        last_payment_error={"decline_code": code, "charge": "ch_1"},
    )
    for _ in range(2):
        clinic.happens("payment_intent.payment_failed", failed)
    [told] = clinic.get("/api/events").json["data"]
    assert (told["type"], told["data"]["declineCode"], told["data"]["invoiceId"]) == (
        "payment.failed",
        shown,
        invoice.id,
    )


def test_a_late_decline_is_not_announced_after_the_success(clinic):
    """Given events out of order, when a decline arrives after the payment succeeded, then it is not
    reported.
    """
    invoice = given.an_invoice(clinic.account)
    paid = given.an_intent(invoice)
    clinic.happens("payment_intent.succeeded", paid)
    late = paid | {
        "status": "requires_payment_method",
        "amount_received": 0,
        "last_payment_error": {"decline_code": "do_not_honor", "charge": "ch_0"},
    }
    clinic.happens("payment_intent.payment_failed", late)
    told = [row["type"] for row in clinic.get("/api/events").json["data"]]
    assert told == ["payment.succeeded", "invoice.paid"]


def test_the_feed_continues_from_its_cursor(clinic):
    """Given five events, when they are read two at a time, then each is seen once, in order, and
    the last page says that it is the last.
    """
    for number in range(5):
        emit(clinic.account.id, "invoice.paid", {"number": number})
        emit(given.an_account().id, "invoice.paid", {"number": "another clinic's"})
    seen, cursor, more = [], "0", True
    while more:
        page = clinic.get(f"/api/events?since={cursor}&limit=2").json
        seen += [event["data"]["number"] for event in page["data"]]
        cursor, more = page["next"], page["hasMore"]
    assert seen == [0, 1, 2, 3, 4]
    assert clinic.get(f"/api/events?since={cursor}").json == {
        "data": [],
        "hasMore": False,
        "next": cursor,
    }


@pytest.mark.one_database
@pytest.mark.parametrize(
    "query",
    [
        "since=-1",
        "since=x",
        "since=99999999999999999999",
        "limit=0",
        "limit=101",
        "since=1;drop",
        "since=%00",
    ],
)
def test_an_invalid_cursor_or_limit_is_refused(clinic, query):
    assert clinic.get(f"/api/events?{query}").status_code == 422


def test_a_feed_reader_never_skips_an_uncommitted_event(clinic):
    """Given two writers of whom the second commits first, when the feed is read in between, then
    the reader misses neither event.
    """
    begun, others_done = threading.Event(), threading.Event()

    def slow_writer():
        try:
            with transaction():
                emit(clinic.account.id, "invoice.paid", {"number": "slow"})
                begun.set()
                others_done.wait(5 if transactions.is_postgres() else 0.2)
        finally:
            database.close()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    begun.wait(120)
    if transactions.is_postgres():  # SQLite has one writer at a time
        emit(clinic.account.id, "invoice.paid", {"number": "quick"})
    threading.Timer(0.3, others_done.set).start()
    first = feed_after(clinic.account.id, 0, 10)
    writer.join(120)
    rest = feed_after(clinic.account.id, first[-1].id if first else 0, 10)
    numbers = [event.payload["number"] for event in (*first, *rest)]
    assert numbers == (["slow", "quick"] if transactions.is_postgres() else ["slow"])


def test_a_webhook_secret_is_shown_once_and_stored_sealed(clinic, capfd):
    """Given a new endpoint, then its secret is in the answer and in its replay, and in no row, list
    or log.
    """
    made = clinic.register(events=["invoice.paid"], key="once")
    again = clinic.register(events=["invoice.paid"], key="once")
    assert (made.status_code, again.status_code, again.json) == (201, 201, made.json)
    assert WebhookEndpoint.select().count() == 1
    secret = made.json["secret"]
    # whole base64, as the scheme's libraries for Go and .NET require
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    clinic.receiver.secret, clinic.receiver.statuses = secret, [500]
    clinic.pays()
    clinic.deliver()
    clinic.deliver(later=True)
    assert len(clinic.receiver.events) == 2
    kept = [
        str(row)
        for table in (WebhookEndpoint, IdempotencyKey, WebhookDelivery, OutgoingEvent, StagedJob)
        for row in table.select().dicts()
    ]
    shown = [
        clinic.get(path).text
        for path in ("/api/webhook-endpoints", f"/api/webhook-endpoints/{made.json['id']}")
    ]
    captured = capfd.readouterr()
    assert secret.removeprefix("whsec_") not in "\n".join(
        [*kept, *shown, captured.out, captured.err]
    )


def test_an_endpoints_url_is_not_taken_for_a_card_number(clinic):
    """Given a URL that ends with a UUID, as automation services make them, in which the digits of a
    card number happen to be, then it is accepted; a card number is refused in a URL too.
    """
    own = "https://hooks.example.com/b18c8632-2266-4668-8665-0967dbc38a39"
    made = clinic.register(url=own)
    assert (made.status_code, made.json.get("url")) == (201, own)
    assert clinic.patch(WebhookEndpoint.get(), url=f"{own}?v=2").status_code == 200
    for card in ("4242424242424242", "visa4242424242424242", f"{own[-36:]}?4242-4242-4242-4242"):
        assert clinic.register(url=f"https://hooks.example.com/{card}").status_code == 422


def test_an_endpoint_gets_only_its_event_types(clinic):
    """Given an endpoint for overdue invoices, when one is paid, then nothing is sent to it; the
    feed has the events.
    """
    clinic.listening(events=["invoice.overdue"])
    clinic.pays()
    assert clinic.deliver() == 0
    assert clinic.told() == ["payment.succeeded", "invoice.paid"]


@pytest.mark.parametrize(
    ("events", "sent"),
    [(["payment.*"], 1), (["*"], 2), (["refund.*", "dispute.*"], 0), (["invoice.paid"], 1)],
)
def test_an_endpoint_can_subscribe_by_wildcard(clinic, events, sent):
    """Given an endpoint for event types with a wildcard, when an invoice is paid, then it gets the
    events that match.
    """
    endpoint = clinic.listening(events=events)
    clinic.pays()
    assert clinic.deliver() == sent
    shown = clinic.get(f"/api/webhook-endpoints/{endpoint.id}").json
    assert shown["events"] == events


@pytest.mark.one_database
@pytest.mark.parametrize("status", [500, 404, 302, 301, 429])
def test_a_failed_delivery_is_retried_at_the_same_url(clinic, monkeypatch, status):
    """Given a receiver that fails or redirects, then the same event is sent again later, to the
    same address.
    """
    monkeypatch.setattr(sys.modules["jobs.deliver_webhook"], "WAITS", (3600,))
    clinic.receiver.statuses, clinic.receiver.location = [status], "http://127.0.0.1:1/elsewhere"
    clinic.listening(events=["invoice.paid"])
    clinic.pays()
    clinic.deliver()
    delivery = WebhookDelivery.get()
    assert (delivery.state, delivery.attempts, delivery.tries[0]["status"]) == (
        "waiting",
        1,
        status,
    )
    assert clinic.deliver() == 0, "not at once"
    clinic.deliver(later=True)
    assert WebhookDelivery.get().state == "delivered"
    first, second = clinic.receiver.events
    assert first == second
    assert [tried["status"] for tried in WebhookDelivery.get().tries] == [status, 200]
    assert given.states() == {"done": StagedJob.select().count()}


def claims():
    """Count the attempts ever claimed at deliveries."""
    return sum(row.claim for row in StagedJob.select().where(StagedJob.name == "deliver_webhook"))


def test_a_failing_endpoint_is_probed_by_one_delivery_at_a_time(clinic, slowly):
    """Given forty events for a receiver that is down for two hours, then after three failures only
    one delivery at a time probes it, nothing else is claimed, and another clinic is served.
    """
    clinic.listening()
    other = Listening(clinic.client, clinic.receiver, clinic.redis)
    other_endpoint = WebhookEndpoint.register(
        other.account, clinic.receiver.url + "/other", [], WebhookEndpoint.get().secret, real_now()
    )
    clinic.receiver.statuses = [503] * 3
    clinic.happened(30)
    clinic.deliver()
    assert (claims(), len(clinic.receiver.got)) == (3, 3)
    clinic.receiver.statuses = [503] * 3
    for seconds in (7, 70, 350):
        clinic.time_passes(seconds * SLOWER)
    clinic.happened(10)
    assert (claims(), len(clinic.receiver.got)) == (6, 6), "after 5 s, a minute, five minutes"
    for _ in range(20):
        clinic.receiver.statuses = [503]
        clinic.time_passes(350 * SLOWER)
    clinic.receiver.statuses = [200, 503]
    other.happened()
    clinic.time_passes(0)
    assert [
        row.state
        for row in WebhookDelivery.select().where(WebhookDelivery.endpoint == other_endpoint)
    ] == ["delivered"]
    assert claims() == len(clinic.receiver.got) == 27
    assert WebhookDelivery.select().where(WebhookDelivery.attempts > 1).count() == 0, (
        "they take turns, so that one bad event blocks nothing"
    )


def test_waiting_deliveries_follow_once_the_endpoint_recovers(clinic, slowly, monkeypatch):
    """Given twelve events for a receiver that was down, when it accepts the probe, then the others
    follow in slices, each claimed once.
    """
    monkeypatch.setattr(sys.modules["jobs.release_deliveries"], "SLICE", 4)
    clinic.listening()
    clinic.receiver.statuses = [503] * 4
    told = clinic.happened(12)
    clinic.deliver()
    clinic.time_passes(7 * SLOWER)
    assert claims() == len(clinic.receiver.got) == 4
    clinic.time_passes(70 * SLOWER)
    for _ in range(4):
        clinic.time_passes(1)
    assert {row.state for row in WebhookDelivery.select()} == {"delivered"}
    assert claims() == len(clinic.receiver.got) == 16, "four in vain, then each once"
    assert {event["id"] for event in clinic.receiver.events} == set(told)


def deliveries_staged():
    rows = StagedJob.select().where(StagedJob.name == "deliver_webhook")
    return list(rows.order_by(StagedJob.id))


def amid(monkeypatch, meanwhile):
    """Run `meanwhile` after a delivery has seen that it is not the next probe, and before it is
    held.
    """
    module = sys.modules["jobs.deliver_webhook"]
    asked = module.next_to_probe

    def and_then(endpoint):
        seen = asked(endpoint)
        monkeypatch.setattr(module, "next_to_probe", asked)
        meanwhile()
        return seen

    monkeypatch.setattr(module, "next_to_probe", and_then)


def test_a_delivery_held_during_the_release_follows_the_others(clinic, slowly, monkeypatch):
    """Given a delivery that a worker has begun and is about to hold, when the endpoint recovers at
    that moment, then it is sent along with the others, not a day later.
    """
    clinic.listening()
    clinic.receiver.statuses = [503] * 3
    clinic.happened(5)
    clinic.deliver()

    def is_back():
        clinic.time_passes(7 * SLOWER)
        clinic.time_passes(1)

    amid(monkeypatch, is_back)
    late = deliveries_staged()[-1]
    perform(claim_job(late.id, "w1", early=True), find_job("deliver_webhook"))
    clinic.time_passes(1)
    assert [row.state for row in WebhookDelivery.select()] == ["delivered"] * 5


def test_a_delivery_chosen_as_probe_while_being_held_still_probes(clinic, slowly, monkeypatch):
    """Given a delivery about to be held, when the probe fails and this delivery is the next, then
    it probes in its turn, and the endpoint does not wait a day.
    """
    clinic.listening()
    clinic.receiver.statuses = [503] * 4
    clinic.happened(4)
    clinic.deliver()
    amid(monkeypatch, lambda: clinic.time_passes(7 * SLOWER))
    first = deliveries_staged()[0]
    perform(claim_job(first.id, "w1", early=True), find_job("deliver_webhook"))
    assert len(clinic.receiver.got) == 4
    for seconds in (1, 70 * SLOWER, 1, 1):
        clinic.time_passes(seconds)
    assert [row.state for row in WebhookDelivery.select()] == ["delivered"] * 4


def test_a_delivery_held_while_rescheduled_as_probe_is_not_held_for_a_day(clinic, monkeypatch):
    """Given a running delivery chosen as the next probe, when its attempt ends between the update
    of waiting jobs and that of running ones, then it is not held for a day.
    """
    clinic.listening()
    clinic.happened(1)
    (row,) = deliveries_staged()
    attempt = claim_job(row.id, "w1", early=True)
    change = hold_deliveries.reschedule

    def and_then(*which):
        changed = change(*which)
        assert snooze_job(attempt, "held", HELD)
        return changed

    monkeypatch.setattr(hold_deliveries, "reschedule", and_then)
    with transaction():
        hold_deliveries.schedule_delivery(int(row.key), 60.0)
    (row,) = deliveries_staged()
    assert (row.state, row.due_at <= database_time() + 60_000_000) == ("waiting", True)


def test_isolated_failures_do_not_delay_other_deliveries(clinic):
    """Given a receiver that refuses one event in twenty, then every other event is delivered at
    once, and the refused ones seconds later.
    """
    clinic.listening()
    clinic.happened(100)
    clinic.receiver.statuses = ([200] * 19 + [503]) * 5
    clinic.deliver()
    assert WebhookDelivery.select().where(WebhookDelivery.state == "delivered").count() == 95
    assert claims() == len(clinic.receiver.got) == 100
    clinic.time_passes(7)
    assert {row.state for row in WebhookDelivery.select()} == {"delivered"}
    assert claims() == 105


@pytest.mark.parametrize("refused", [1, 2])
def test_an_event_after_a_few_failures_is_sent_at_once(clinic, refused):
    """Given fewer failures in a row than pause an endpoint, then a new event is sent at once."""
    clinic.listening()
    clinic.receiver.statuses = [503] * refused
    clinic.happened(refused)
    clinic.deliver()
    clinic.happened()
    clinic.deliver()
    newest = WebhookDelivery.select().order_by(WebhookDelivery.id.desc()).get()
    assert newest.state == "delivered"
    assert WebhookEndpoint.get().failures == 0, "one that is taken ends the row"


def test_deliveries_held_by_an_older_release_are_released(clinic):
    """Given deliveries that an older release held after a single failure, when this release
    delivers the probe, then the others follow.
    """
    clinic.listening()
    clinic.happened(4)
    WebhookEndpoint.update(failures=1, quiet_until=real_now(), failing_since=real_now()).execute()
    last = StagedJob.select().order_by(StagedJob.id.desc()).get().id
    day = 86_400_000_000
    StagedJob.update(due_at=StagedJob.due_at + day).where(StagedJob.id < last).execute()
    clinic.deliver()
    clinic.time_passes(1)
    clinic.time_passes(1)
    assert {row.state for row in WebhookDelivery.select()} == {"delivered"}


def test_an_event_the_receiver_rejects_does_not_block_the_others(clinic):
    """Given a receiver that cannot take one event, then the others are delivered at once, and the
    failing one waits for its own retries.
    """
    clinic.listening()
    clinic.receiver.statuses = [500] + [200] * 4
    clinic.happened(5)
    clinic.deliver()
    clinic.receiver.statuses = [500]
    clinic.time_passes(7)
    clinic.time_passes(5)
    assert sorted(row.state for row in WebhookDelivery.select()) == ["delivered"] * 4 + ["waiting"]
    bad = WebhookDelivery.get(WebhookDelivery.state == "waiting")
    clinic.happened()
    clinic.time_passes(7)
    clinic.time_passes(7)
    assert WebhookDelivery.select().where(WebhookDelivery.state == "delivered").count() == 5
    assert WebhookDelivery.get_by_id(bad.id).attempts <= 3


def test_an_endpoint_failing_for_three_days_is_disabled_with_an_event(clinic):
    """Given three days of nothing but failures, then the endpoint is disabled, the feed says so,
    and waiting deliveries are cancelled.
    """
    endpoint = clinic.listening()
    clinic.receiver.statuses = [500] * 9
    emit(clinic.account.id, "invoice.paid", {})
    emit(clinic.account.id, "invoice.paid", {})
    clinic.deliver()
    assert clinic.get("/api/webhook-endpoints").json["data"][0]["status"] == "active"
    WebhookEndpoint.update(failing_since=real_now() - timedelta(days=3, minutes=1)).execute()
    clinic.deliver(later=True)
    clinic.deliver(later=True)
    assert sorted(row.state for row in WebhookDelivery.select()) == ["cancelled", "failed"]
    shown = clinic.get("/api/webhook-endpoints").json["data"][0]
    assert (shown["status"], shown["lastError"]) == ("disabled", "HTTP 500")
    notice = clinic.get("/api/events").json["data"][-1]
    assert (notice["type"], notice["data"]) == (
        "endpoint.disabled",
        {"endpointId": endpoint.id, "error": "HTTP 500"},
    )
    emit(clinic.account.id, "invoice.paid", {})
    assert clinic.deliver() == 0
    assert given.states() == {"done": StagedJob.select().count()}, (
        "a receiver of others makes no dead jobs of ours"
    )


def test_an_endpoint_answering_410_is_disabled_at_once(clinic):
    clinic.listening()
    clinic.receiver.statuses = [410]
    emit(clinic.account.id, "invoice.paid", {})
    clinic.deliver()
    assert (WebhookEndpoint.get().state, WebhookDelivery.get().state) == ("disabled", "failed")


@pytest.mark.parametrize("status", [410, 500])
def test_an_answer_of_the_old_url_does_not_count_against_the_new_one(clinic, monkeypatch, status):
    """Given a delivery under way, when its endpoint moves and the old address then refuses the
    delivery, even for good, then it is sent to the new address at once.
    """
    endpoint = clinic.listening()
    clinic.receiver.statuses = [status]
    module = sys.modules["jobs.deliver_webhook"]
    post = module.post_webhook

    def and_moves(*what):
        monkeypatch.setattr(module, "post_webhook", post)
        answer = post(*what)
        assert clinic.patch(endpoint, url=clinic.receiver.url + "/new").status_code == 200
        return answer

    monkeypatch.setattr(module, "post_webhook", and_moves)
    clinic.happened()
    clinic.deliver()
    clinic.deliver()
    shown = clinic.get(f"/api/webhook-endpoints/{endpoint.id}").json
    assert (shown["status"], shown["lastError"]) == ("active", None)
    assert [row.state for row in WebhookDelivery.select()] == ["delivered"]


def test_a_delivery_fails_after_three_days_of_retries(clinic):
    """Given a receiver that never accepts one event but is not failing otherwise, then that
    delivery fails after three days, having been tried about every hour.
    """
    clinic.listening()
    clinic.receiver.statuses = [500] * 200
    clinic.happened()
    for _ in range(66):
        WebhookEndpoint.update(failing_since=real_now()).where(
            WebhookEndpoint.failing_since.is_null(False)
        ).execute()
        clinic.time_passes(4000)
    delivery = WebhookDelivery.get()
    assert (delivery.state, WebhookEndpoint.get().state) == ("failed", "active")
    assert 60 < delivery.attempts == len(clinic.receiver.got) < 80


def test_a_disabled_endpoint_can_be_enabled_and_learns_what_it_missed(clinic):
    """Given an endpoint that was disabled, when its owner enables it, then it gets new events, and
    the answer says where the missed ones begin in the feed.
    """
    endpoint = clinic.listening()
    before, *missed = clinic.happened(3)[0], *[]
    clinic.deliver()
    clinic.receiver.statuses = [500] * 3
    missed = clinic.happened(2)
    clinic.deliver()
    WebhookEndpoint.update(failing_since=real_now() - timedelta(days=3, minutes=1)).execute()
    clinic.time_passes(7)
    shown = clinic.get(f"/api/webhook-endpoints/{endpoint.id}").json
    assert shown["status"] == "disabled"
    missed += clinic.happened()
    enabled = clinic.patch(endpoint, enabled=True)
    assert (enabled.status_code, enabled.json["status"], enabled.json["lastError"]) == (
        200,
        "active",
        None,
    )
    after, got = clinic.happened(), len(clinic.receiver.got)
    clinic.deliver()
    assert [event["id"] for event in clinic.receiver.events[got:]] == after
    feed = [
        event["id"]
        for event in clinic.get(f"/api/events?since={enabled.json['missedSince']}").json["data"]
        if event["type"] != "endpoint.disabled"
    ]
    assert feed == missed + after
    assert before not in feed


def test_an_owner_can_disable_and_move_an_endpoint(clinic):
    """Given an endpoint, when it is disabled, then nothing is sent; when its URL changes while it
    fails, then waiting deliveries go to the new address at once.
    """
    endpoint = clinic.listening()
    assert clinic.patch(endpoint, enabled=False).json["status"] == "disabled"
    clinic.happened()
    assert (clinic.deliver(), clinic.receiver.got) == (
        1,
        [],
    ), "only the job that would cancel what waits"
    assert clinic.patch(endpoint, enabled=True, events=["invoice.paid"]).json["events"] == [
        "invoice.paid"
    ]
    clinic.receiver.statuses = [500]
    clinic.happened(3)
    clinic.deliver()
    moved = clinic.patch(endpoint, url=clinic.receiver.url + "/new")
    assert moved.json["url"].endswith("/new")
    clinic.deliver()
    clinic.time_passes(5)
    assert {row.state for row in WebhookDelivery.select()} == {"delivered"}
    for changes, status in (
        ({"url": "http://10.0.0.1/"}, 422),
        ({"events": ["x"]}, 422),
        ({"secret": "x"}, 422),
    ):
        assert clinic.patch(endpoint, **changes).status_code == status
    stranger = given.a_key(given.an_account())
    assert (
        clinic.client.simulate_patch(
            f"/api/webhook-endpoints/{endpoint.id}", json={"enabled": False}, headers=stranger
        ).status_code
        == 404
    )


def test_deleting_an_endpoint_cancels_its_deliveries_and_erases_its_secret(clinic):
    """Given a waiting delivery, when its endpoint is deleted, then it is cancelled, and the secret
    is erased.
    """
    endpoint = clinic.listening()
    emit(clinic.account.id, "invoice.paid", {})
    assert (
        clinic.client.simulate_delete(
            f"/api/webhook-endpoints/{endpoint.id}", headers=clinic.headers
        ).status_code
        == 204
    )
    clinic.deliver()
    assert (WebhookDelivery.get().state, clinic.receiver.got, WebhookEndpoint.get().secret) == (
        "cancelled",
        [],
        "",
    )
    assert clinic.get(f"/api/webhook-endpoints/{endpoint.id}").status_code == 404
    assert clinic.get("/api/webhook-endpoints").json["data"] == []


def test_another_clinics_endpoint_is_not_found(clinic):
    endpoint, stranger = clinic.listening(), given.a_key(given.an_account())
    assert clinic.get(f"/api/webhook-endpoints/{endpoint.id}", stranger).status_code == 404
    assert (
        clinic.client.simulate_delete(
            f"/api/webhook-endpoints/{endpoint.id}", headers=stranger
        ).status_code
        == 404
    )
    assert clinic.get("/api/webhook-endpoints", stranger).json["data"] == []


INNER = [
    "https://169.254.169.254/latest",
    "https://167772161/",
    "https://[::ffff:10.0.0.1]/",
    "http://example.com/",
    "https://x.internal/",
    "",
]


@pytest.mark.one_database
@pytest.mark.parametrize("url", INNER)
def test_an_endpoint_at_a_private_address_is_refused(clinic, url):
    answer = (
        clinic.register(url)
        if url
        else clinic.client.simulate_post(
            "/api/webhook-endpoints", json={"url": ""}, headers=clinic.headers
        )
    )
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["field"] == "url", answer.text
    assert not WebhookEndpoint.select().exists()


def test_unknown_events_and_too_many_endpoints_are_refused(clinic):
    assert clinic.register(events=["invoice.payed"]).status_code == 422
    assert {clinic.register().status_code for _ in range(20)} == {201}
    assert clinic.register().status_code == 422


def test_loopback_endpoints_need_the_setting_and_never_work_in_production(clinic, monkeypatch):
    """Given an endpoint on this machine, when the setting is removed, or in production, then
    nothing is sent to it any more.
    """
    from tests.running.processes import reset_process

    clinic.listening()
    emit(clinic.account.id, "invoice.paid", {})
    monkeypatch.setenv("WEBHOOKS_TO_LOOPBACK", "false")
    reset_process()
    clinic.deliver()
    assert (clinic.receiver.got, WebhookDelivery.get().tries[0]["status"]) == ([], None)
    assert "address refused" in WebhookDelivery.get().tries[0]["error"]
    monkeypatch.setenv("WEBHOOKS_TO_LOOPBACK", "true")
    monkeypatch.setenv("PAYPHONE_ENV", "production")
    reset_process()
    clinic.deliver(later=True)
    assert clinic.receiver.got == []
    assert clinic.register().status_code == 422


def test_a_hanging_receiver_is_cut_off_at_the_total_timeout(clinic, monkeypatch):
    """Given a receiver that hangs for minutes, then the attempt ends at the total timeout."""
    monkeypatch.setattr(outgoing_webhooks, "TOTAL", 0.4)
    clinic.receiver.hang = True
    clinic.listening()
    emit(clinic.account.id, "invoice.paid", {})
    clinic.deliver()
    [tried] = WebhookDelivery.get().tries
    assert (tried["status"], tried["error"]) == (None, "no answer within 0 s")
