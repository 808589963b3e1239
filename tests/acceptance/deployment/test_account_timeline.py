"""An account's timeline: every step of going live, in one place and in order."""

import json
import re


def test_timeline_lists_every_step_of_going_live_once_in_order(clinic):
    """Given a clinic that goes live, then each change, each effect and every message of the
    deployment is there once.
    """
    live = clinic.goes_live()
    stream = f"/api/deployments/{live['id']}/events"
    sent = clinic.client.simulate_get(stream, headers=clinic.headers).text
    messages = [json.loads(data)["message"] for data in re.findall(r"^data: (.*)$", sent, re.M)]
    shown = clinic.call("GET", "…/timeline?limit=100").json
    assert not shown["hasMore"]
    entries = shown["data"]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    told = [entry for entry in entries if entry["kind"] == "event"]
    assert [entry["reason"] for entry in told] == messages
    assert messages[-1] == "System is now live! ✓"
    assert [entry["type"] for entry in entries if entry not in told] == [
        "voice.chosen",
        "phone.configured",
        "deployment.requested",
        "number.requested",
        "number_purchase",
        "number_purchase.confirmed",
        "number.bought",
        *("assistant_create", "assistant_create.confirmed") * 2,
        *("squad_create", "squad_create.confirmed"),
        *("number_import", "number_import.confirmed"),
        "deployment.live",
    ]


def test_next_timeline_page_continues_after_the_last_entry(clinic):
    clinic.goes_live()
    first = clinic.call("GET", "…/timeline?limit=2").json
    rest = clinic.call("GET", f"…/timeline?limit=100&startingAfter={first['data'][-1]['id']}").json
    assert first["hasMore"]
    assert first["data"] + rest["data"] == clinic.call("GET", "…/timeline?limit=100").json["data"]


def test_another_accounts_timeline_is_not_found(clinic):
    other = clinic.another()
    answer = other.client.simulate_get(
        f"/api/accounts/{clinic.account.id}/timeline", headers=other.headers
    )
    assert answer.status_code == 404
