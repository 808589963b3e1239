"""Twilio's stand-in, driven by Twilio's own SDK over HTTP: messages, errors, callbacks, opt-outs,
faults.
"""

from datetime import timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.twilio.numbers import MAGIC_SENDER, MAGIC_SERVICE
from tests.stand_ins.twilio_sdk import client

ADA = "+12025550123"
MESSAGES = f"/2010-04-01/Accounts/{MAGIC_ACCOUNT}/Messages.json"


def send(twilio, to=ADA, **more):
    return twilio.messages.create(
        to=to, **({"messaging_service_sid": MAGIC_SERVICE, "body": "Hello"} | more)
    )


def test_a_text_is_delivered_with_a_signed_callback_for_each_status(
    world, twilio, hook, eventually
):
    made = send(twilio, status_callback=f"{hook.url}?effect=eff_1")
    assert (made.status, made.from_, made.num_segments, made.sid[:2], len(made.sid)) == (
        "accepted",
        None,
        "0",
        "SM",
        34,
    )
    eventually(lambda: hook.statuses() == {"queued", "sent", "delivered"})
    assert all(signed and path == "/hook?effect=eff_1" for path, _, signed in hook.got)
    read = twilio.messages(made.sid).fetch()
    assert (read.status, read.from_, read.price) == ("delivered", MAGIC_SENDER, "-0.00830")


def test_a_text_from_a_number_is_queued_at_once(twilio):
    made = twilio.messages.create(to=ADA, from_=MAGIC_SENDER, body="Hello")
    assert (made.status, made.from_, made.messaging_service_sid) == ("queued", MAGIC_SENDER, None)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"to": "+15005550001"}, 21211),
        ({"to": "+15005550009"}, 21614),
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550002"}, 21612),
        ({"to": "Ada"}, 21211),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"messaging_service_sid": "MG" + "1" * 32}, 21701),
        ({"messaging_service_sid": "nonsense"}, 20001),
        ({"validity_period": 0}, 20001),
        ({"validity_period": 36_001}, 20001),
        ({"status_callback": "http://under_score.test/x"}, 21609),
        ({"status_callback": "nowhere"}, 21609),
    ],
)
def test_an_invalid_text_is_refused_with_twilios_code(twilio, asked, code):
    with pytest.raises(TwilioRestException) as refused:
        send(twilio, **asked)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_an_unknown_sender_parameter_or_address_is_refused(world, twilio):
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(to=ADA, from_="+12025550199", body="x")
    assert refused.value.code == 21606
    answer = requests.post(
        f"{world.url}/api{MESSAGES}",
        data={"To": ADA, "Bdoy": "x"},
        auth=(MAGIC_ACCOUNT, MAGIC_TOKEN),
        timeout=120,
    )
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert (
        requests.get(
            f"{world.url}/api/2010-04-01/Accounts/{MAGIC_ACCOUNT}/Cals.json",
            auth=(MAGIC_ACCOUNT, MAGIC_TOKEN),
            timeout=120,
        ).json()["code"]
        == 20404
    )


@pytest.mark.parametrize(
    ("sid", "token"), [(MAGIC_ACCOUNT, "wrong"), ("AC" + "1" * 32, MAGIC_TOKEN)]
)
def test_wrong_credentials_are_refused(world, sid, token):
    with pytest.raises(TwilioRestException) as refused:
        send(client(world, sid, token))
    assert (refused.value.status, refused.value.code) == (401, 20003)


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        (30003, {"queued", "sent", "undelivered"}),
        (30007, {"queued", "sent", "undelivered"}),
        (30034, {"queued", "failed"}),
    ],
)
def test_a_text_can_fail_after_it_was_accepted(world, twilio, hook, eventually, code, ends):
    world.control("twilio/numbers", number=ADA, error_code=code)
    for to in (ADA, f"+1500555{code // 10_000}{code % 1000:03d}"):
        hook.got.clear()
        send(twilio, to, status_callback=hook.url)
        eventually(lambda: hook.statuses() == ends)
        assert [fields["ErrorCode"] for _, fields, _ in hook.got if "ErrorCode" in fields] == [
            str(code)
        ]


def test_stop_opts_out_of_this_sender_only(world, twilio, hook, eventually):
    world.control("twilio/senders", number=MAGIC_SENDER, service=MAGIC_SERVICE, sms_url=hook.url)
    world.control("twilio/senders", number="+12025550777", sms_url=hook.url)
    world.control("twilio/inbound", **{"from": ADA, "to": MAGIC_SENDER, "body": " Stop "})
    world.control("twilio/inbound", **{"from": ADA, "to": "+12025550777", "body": "Hello & <you>"})
    eventually(lambda: len(hook.got) == 2)
    stop = next(fields for _, fields, _ in hook.got if fields["To"] == MAGIC_SENDER)
    other = next(fields for _, fields, _ in hook.got if fields["To"] != MAGIC_SENDER)
    assert (stop["OptOutType"], stop["MessagingServiceSid"], stop["FromCity"]) == (
        "STOP",
        MAGIC_SERVICE,
        "",
    )
    assert ("OptOutType" in other, other["Body"], all(signed for _, _, signed in hook.got)) == (
        False,
        "Hello & <you>",
        True,
    )
    with pytest.raises(TwilioRestException) as refused:
        send(twilio)
    assert refused.value.code == 21610
    assert twilio.messages.create(to=ADA, from_="+12025550777", body="x").status == "queued"
    world.control("twilio/inbound", **{"from": ADA, "to": MAGIC_SERVICE, "body": "START"})
    assert send(twilio).status == "accepted"


def test_texts_are_listed_newest_first_by_number_and_date(twilio, eventually):
    first, second = send(twilio, body="one"), send(twilio, body="two")
    send(twilio, "+12025550124", body="other")
    assert [row.sid for row in twilio.messages.list(to=ADA, page_size=1)] == [second.sid, first.sid]
    eventually(lambda: twilio.messages(second.sid).fetch().date_sent)
    sent = twilio.messages(second.sid).fetch().date_sent
    assert second.sid in {row.sid for row in twilio.messages.list(to=ADA, date_sent_after=sent)}
    assert twilio.messages.list(to=ADA, date_sent_after=sent + timedelta(days=366)) == []


def test_a_delivered_text_can_be_redacted_and_a_waiting_one_cancelled(
    world, twilio, hook, eventually
):
    arrived = send(twilio, status_callback=hook.url)
    eventually(lambda: "delivered" in hook.statuses())
    assert twilio.messages(arrived.sid).update(body="").body == ""
    world.control("twilio/carrier", step=3600)
    waits = send(twilio, status_callback=hook.url)
    assert twilio.messages(waits.sid).update(status="canceled").status == "canceled"
    eventually(lambda: "canceled" in hook.statuses())
    assert twilio.messages(waits.sid).delete() is True


def test_a_text_past_its_validity_period_fails(world, twilio, hook, eventually):
    world.control("twilio/carrier", step=600)
    send(twilio, status_callback=hook.url, validity_period=900)
    for _ in range(3):
        world.control("clock", advance=600)
    eventually(lambda: hook.statuses() == {"queued", "failed"})
    assert "30036" in [fields.get("ErrorCode") for _, fields, _ in hook.got]


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("refuse", requests.ConnectionError, 0),
        ("refuse_after", requests.ConnectionError, 1),
        ("error_500", TwilioRestException, 0),
        ("error_500_after", TwilioRestException, 1),
        ("rate_limit_429", TwilioRestException, 0),
        ("bad_gateway", Exception, 0),
    ],
)
def test_an_injected_fault_raises_with_or_without_sending_the_text(
    world, twilio, kind, error, done
):
    world.control("faults", provider="twilio", kind=kind, method="POST", path=MESSAGES)
    with pytest.raises(error):
        send(twilio)
    assert len(twilio.messages.list(to=ADA)) == done
    logged = world.requests(provider="twilio", method="POST")
    assert [(row["fault"], row["performed"]) for row in logged] == [(kind, bool(done))]


@pytest.mark.parametrize(("kind", "done"), [("timeout_before", 0), ("timeout_after", 1)])
def test_timeouts_hang_until_the_client_gives_up(world, eventually, kind, done):
    world.control("faults", provider="twilio", kind=kind, method="POST", path=MESSAGES, seconds=300)
    with pytest.raises(requests.Timeout):
        send(client(world, timeout=0.2))

    def performed():
        asked = {"provider": "twilio", "method": "POST", "fault": kind}
        return [row["performed"] for row in world.requests(**asked)]

    eventually(lambda: performed() == [bool(done)])
    assert len(client(world).messages.list(to=ADA)) == done


def test_the_state_page_shows_texts_with_escaped_markup(world, twilio):
    send(twilio, body="<script>alert(1)</script>")
    page = world.http.get("/").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page


def test_state_survives_a_restart(world, twilio, tmp_path):
    from sandbox import Sandbox, state_file

    made = send(twilio)
    state_file.save(world.sandbox, str(tmp_path / "state.json"))
    again = Sandbox()
    state_file.load(again, str(tmp_path / "state.json"))
    assert again.twilio.books.messages[made.sid]["body"] == "Hello"
    assert again.twilio.books.senders == world.sandbox.twilio.books.senders
