"""An event that is not validly signed over these bytes with our secret, within five minutes, is
answered 400 and leaves no row (faults 37, 38).
"""

import json
import time

import pytest

from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from providers.stripe.signature import BadSignature, sign, verify_signature
from tests import given
from web.webhooks import stripe_webhooks

PATH, CONNECT = "/api/webhooks/stripe", "/api/webhooks/stripe/connect"


def an_event(**values):
    return given.an_event("plan.created", {"id": "plan_1"}, **values)


def send(client, body, header, path=PATH):
    headers = {} if header is None else {"Stripe-Signature": header}
    return client.simulate_post(path, body=body, headers=headers)


def nothing_was_kept():
    return InboxEvent.select().count() == StagedJob.select().count() == 0


def headers_that_do_not_hold(text):
    now = int(time.time())
    good = sign(text, given.WEBHOOK_SECRET, now)
    return {
        "none": None,
        "empty": "",
        "nonsense": "nonsense",
        "no timestamp": good.partition(",")[2],
        "no signature": good.partition(",")[0],
        "another scheme alone": good.replace("v1=", "v0="),
        "another secret": sign(text, "whsec_somebody_else", now),
        "the Connect endpoint's secret": sign(text, "whsec_connect", now),
        "another body": sign(text + " ", given.WEBHOOK_SECRET, now),
        "another time than was signed": good.replace(f"t={now}", f"t={now - 1}"),
        "old": sign(text, given.WEBHOOK_SECRET, now - 301),
        "from the future": sign(text, given.WEBHOOK_SECRET, now + 310),
        "from the far future": sign(text, given.WEBHOOK_SECRET, now + 10**8),
        "a time that is no number": good.replace(f"t={now}", "t=now"),
        "a time of a thousand digits": good.replace(f"t={now}", f"t={'9' * 1000}"),
        "a time below zero": good.replace(f"t={now}", "t=-1"),
        "a second timestamp": f"t={now + 10**8},{good}",
        "an empty signature": f"t={now},v1=",
        "text that is not ASCII": f"t={now},v1=ü".encode().decode("latin-1"),
    }


def test_the_error_names_why_a_signature_is_invalid(client):
    """Given an old signature, one with another secret, and an endpoint without a secret, then each
    error names its own cause: the clock, the secret or the setting.
    """
    now = int(time.time())
    reasons = {
        (given.WEBHOOK_SECRET, now - 301): "The signature is more than 300 s old; check both",
        ("whsec_somebody_else", now): "No signature matches the webhook secret.",
    }
    for (secret, at), said in reasons.items():
        assert send(client, b"{}", sign("{}", secret, at)).json["detail"].startswith(said)
    with pytest.raises(BadSignature, match="No webhook secret is set"):
        verify_signature(b"{}", sign("{}", "whsec_x", now), (), now)


def test_an_invalid_signature_is_logged(client, monkeypatch):
    told = []
    monkeypatch.setattr(
        stripe_webhooks.log,
        "warning",
        lambda event, **values: told.append((event, values["endpoint"], values["reason"][:40])),
    )
    for path in (PATH, CONNECT):
        send(client, b"{}", sign("{}", "whsec_somebody_else", int(time.time())), path)
    assert told == [
        ("bad_signature", endpoint, "No signature matches the webhook secret.")
        for endpoint in ("platform", "connect")
    ]


def test_every_invalid_signature_is_refused(client, monkeypatch):
    asked_at = time.time()  # frozen, or a future timestamp would soon be within tolerance
    monkeypatch.setattr(stripe_webhooks, "real_seconds", lambda: asked_at)
    text = json.dumps(an_event())
    for name, header in headers_that_do_not_hold(text).items():
        answer = send(client, text.encode(), header)
        assert (answer.status_code, answer.json["code"]) == (400, "bad_signature"), name
    assert nothing_was_kept()


def test_a_body_tampered_with_is_refused(client):
    text = json.dumps(an_event())
    header = sign(text, given.WEBHOOK_SECRET, int(time.time()))
    for tampered in (text.replace("plan_1", "plan_2"), text + "\n", " " + text, text[:-1], ""):
        assert send(client, tampered.encode(), header).status_code == 400
    assert nothing_was_kept()


@pytest.mark.parametrize("secret", ["whsec_test_new", "whsec_test_old"])
def test_both_secrets_are_valid_during_rotation(client, secret):
    assert client.simulate_post(PATH, **given.signed(an_event(), secret)).status_code == 200
    assert InboxEvent.select().count() == 1


def test_one_good_signature_among_several_is_enough(client):
    """While a secret is rolled, Stripe signs with each active secret of the endpoint."""
    text, now = json.dumps(an_event()), int(time.time())
    theirs = sign(text, "whsec_test_new", now).partition(",")[2]
    assert send(client, text.encode(), f"t={now},v1={'0' * 64},{theirs}").status_code == 200


def test_a_replayed_request_is_stored_once_while_fresh_and_refused_when_old(client):
    """Given one signed request sent three times, then it is kept once; an old one is refused."""
    request = given.signed(an_event())
    assert [client.simulate_post(PATH, **request).status_code for _ in range(3)] == [200] * 3
    assert (InboxEvent.select().count(), StagedJob.select().count()) == (1, 1)
    old = given.signed(an_event(), at=int(time.time()) - 3600)
    assert client.simulate_post(PATH, **old).status_code == 400
    assert InboxEvent.select().count() == 1


NO_EVENTS = {
    "no JSON": "{",
    "no object": "[]",
    "not an event": json.dumps({"id": "pi_1", "object": "payment_intent"}),
    "no id": json.dumps(an_event() | {"id": ""}),
    "an id that is no text": json.dumps(an_event() | {"id": 7}),
    "no data": json.dumps(an_event() | {"data": {}}),
    "data that is no object": json.dumps(an_event() | {"data": {"object": []}}),
}


def test_a_validly_signed_body_that_is_not_an_event_is_refused(client):
    for name, text in NO_EVENTS.items():
        assert client.simulate_post(PATH, **given.signed(text)).status_code == 400, name
    assert nothing_was_kept()


def test_a_thin_event_is_refused_with_instructions(client):
    """Given a destination that sends thin events (docs.stripe.com/event-destinations), then the
    error says so and names the kind of destination to create instead.
    """
    thin = {
        "id": "evt_test_65R9Ijk8dKEYZcXeRWn16R9A7j1FSQ3w3TGDPLLGSM4CW0",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "livemode": False,
        "created": "2026-11-28T11:38:01.000Z",
        "related_object": {"id": "pi_1", "type": "payment_intent"},
    }
    for path, secret in ((PATH, given.WEBHOOK_SECRET), (CONNECT, "whsec_connect")):
        answer = client.simulate_post(path, **given.signed(json.dumps(thin), secret))
        assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
        for said in ("thin event", "snapshot", "2026-10-28.endive"):
            assert said in answer.json["detail"]
    assert nothing_was_kept()


def test_signed_bytes_that_are_not_utf8_are_refused(client):
    raw = b'{"id": "evt_1", "object": "event", "data": {"object": {"name": "\xff"}}}'
    assert client.simulate_post(PATH, body=raw, headers=given.signed_bytes(raw)).status_code == 400
    assert nothing_was_kept()


def test_each_endpoint_accepts_only_events_of_its_own_kind_of_account(client):
    """Given an event of the platform at /connect, or of a connected account elsewhere or under the
    other endpoint's secret, then it is refused.
    """
    own, connected = an_event(), an_event(account="acct_1")
    cases = [
        (PATH, connected, given.WEBHOOK_SECRET),
        (CONNECT, own, "whsec_connect"),
        (CONNECT, connected, given.WEBHOOK_SECRET),
    ]
    for path, event, secret in cases:
        assert client.simulate_post(path, **given.signed(event, secret)).status_code == 400
    assert nothing_was_kept()
    assert (
        client.simulate_post(CONNECT, **given.signed(connected, "whsec_connect")).status_code == 200
    )
    assert InboxEvent.get().account == "acct_1"


def test_the_same_event_id_of_two_accounts_is_two_events(client):
    event = an_event()
    for account in ("acct_1", "acct_2", "acct_1"):
        assert (
            client.simulate_post(
                CONNECT, **given.signed(event | {"account": account}, "whsec_connect")
            ).status_code
            == 200
        )
    assert InboxEvent.select().count() == 2


def test_the_event_is_kept_word_for_word(client):
    text = json.dumps(an_event(), indent=3, ensure_ascii=False).replace(
        "plan_1", "Zoë – 電話 \\u00e9"
    )
    assert client.simulate_post(PATH, **given.signed(text)).status_code == 200
    assert InboxEvent.get().payload == text


def test_the_webhooks_url_has_no_slash_at_its_end(client):
    """Given an endpoint at Stripe whose URL ends in a slash, then its events get the 404 that
    doctor tells of.
    """
    for path in ("/api/webhooks/stripe/", "/api/webhooks/stripe/connect/"):
        assert client.simulate_post(path).status_code == 404
