"""Watching a deployment (F91, F125): server-sent events in the promised words, resumed after the
last one seen and ended by 204; two hundred watchers do not block the shipped server.
"""

import http.client
import json
import re
import threading
import time

import pytest

from models.deployment.deployment_step import DeploymentEvent
from models.transactions import release_connection

WATCHERS = 200
LIVE = "System is now live! ✓"


def events_of(clinic, deployment_id, last=None, headers=None):
    more = {} if last is None else {"Last-Event-ID": str(last)}
    path = f"/api/deployments/{deployment_id}/events"
    return clinic.client.simulate_get(path, headers=(headers or clinic.headers) | more)


def asked(port, path, headers):
    """Return an answer's status and text, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def parsed(text):
    """Return each event's id and data."""
    ids = [int(each) for each in re.findall(r"^id: (\d+)$", text, re.MULTILINE)]
    told = [json.loads(each) for each in re.findall(r"^data: (.*)$", text, re.MULTILINE)]
    return list(zip(ids, told, strict=True))


def test_progress_messages_have_the_documented_words_and_order(clinic):
    """The progress messages of F91, in order."""
    shown = clinic.goes_live()
    told = [each["message"] for _, each in parsed(events_of(clinic, shown["id"]).text)]
    wanted = [
        "⏳ Deploying...",
        "Purchasing Twilio phone number... ✓",
        "Creating AI assistant... ✓",
        "Setting up call routing... ✓",
        LIVE,
    ]
    assert [each for each in told if each in wanted] == wanted


def test_resumed_event_stream_sends_only_the_remaining_events(clinic):
    """Given a watcher that lost its connection anywhere, then it gets the remaining events once and
    in order.
    """
    shown = clinic.goes_live()
    whole = parsed(events_of(clinic, shown["id"]).text)
    for place in (0, 1, len(whole) // 2, len(whole) - 2):
        rest = parsed(events_of(clinic, shown["id"], whole[place][0]).text)
        assert rest == whole[place + 1 :]
    assert events_of(clinic, shown["id"], whole[-1][0]).status_code == 204


def test_event_stream_with_nothing_new_is_empty_and_not_204(clinic):
    """Given no new event, then the stream is empty, so that the browser reconnects; a 204 would
    stop it.
    """
    begun = clinic.deploys().json
    last = parsed(events_of(clinic, begun["id"]).text)[-1][0]
    answer = events_of(clinic, begun["id"], last)
    assert (answer.status_code, answer.text) == (200, "retry: 1000\n\n")


@pytest.mark.parametrize("last", ["nonsense", "-1", "9" * 40, "9" * 5_000, "٣"])
def test_invalid_last_event_id_starts_from_the_beginning(clinic, last):
    begun = clinic.deploys().json
    answer = events_of(clinic, begun["id"], last.encode().decode("latin-1"))
    assert answer.status_code == 200
    assert parsed(answer.text) == parsed(events_of(clinic, begun["id"]).text) != []


def test_event_stream_is_hidden_from_other_accounts(clinic):
    begun = clinic.deploys().json
    other = clinic.another()
    answer = events_of(clinic, begun["id"], headers=other.headers)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert events_of(clinic, "dep_nobody").status_code == 404
    without = clinic.client.simulate_get(f"/api/deployments/{begun['id']}/events")
    assert without.status_code == 401


@pytest.mark.slow
def test_two_hundred_watchers_each_get_every_event_of_a_deployment(clinic, town):
    """Given 200 watchers on the shipped server during a deployment, then each gets every event, the
    final one once, and the server still answers other requests.
    """
    town.web(workers=2)
    begun = clinic.deploys().json
    path = f"/api/deployments/{begun['id']}/events"
    seen, trouble, started = {}, [], threading.Barrier(WATCHERS + 1)

    def watch(number):
        text, last, until = "", "0", time.monotonic() + 240
        started.wait()
        while time.monotonic() < until:
            try:
                headers = clinic.headers | {"Last-Event-ID": last}
                status, body = asked(town.port, path, headers)
            except OSError as error:
                trouble.append(repr(error))
                continue
            if status == 204:
                break
            text += body
            last = (re.findall(r"^id: (\d+)$", text, re.MULTILINE) or ["0"])[-1]
            time.sleep(1)  # as the stream's `retry` asks
        seen[number] = text

    watchers = [threading.Thread(target=watch, args=(number,)) for number in range(WATCHERS)]
    for watcher in watchers:
        watcher.start()
    started.wait()
    health = []
    for _ in range(4):
        clinic.works(1)
        clinic.works(2)
        health.append(town.get("/healthz")[0])
    assert clinic.shown(begun["id"])["status"] == "live"
    for watcher in watchers:
        watcher.join(240)
    release_connection()
    assert set(health) == {200}
    assert len(seen) == WATCHERS
    assert {text.count(LIVE) for text in seen.values()} == {1}, trouble[:3]
    told = DeploymentEvent.select().where(DeploymentEvent.deployment == begun["id"]).count()
    assert {len(parsed(text)) for text in seen.values()} == {told}
