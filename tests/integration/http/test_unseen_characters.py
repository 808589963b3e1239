"""Invisible characters are refused in every query parameter of the API."""

from functools import partial
from urllib.parse import unquote

import pytest

from tests import given
from web.http.guards.query_guard import CURSOR

pytestmark = pytest.mark.one_database
UNSEEN = {
    "NUL": "%00",
    "bidi override": "%E2%80%AE",
    "bidi isolate": "%E2%81%A6",
    "direction mark": "%E2%80%8F",
    "zero width": "%E2%80%8B",
    "byte order mark": "%EF%BB%BF",
    "line separator": "%E2%80%A8",
    "newline": "%0A",
    "escape": "%1B",
    "no UTF-8": "%FF",
    "half a pair": "%ED%A0%80",
}


def queries(client):
    """Return every query parameter of every GET that needs a key, from the OpenAPI document."""
    paths = client.simulate_get("/api/openapi.json").json["paths"]
    return [
        (path.replace("{", "x").replace("}", "x"), each["name"])
        for path, methods in paths.items()
        for each in methods.get("get", {}).get("parameters", [])
        if each.get("in") == "query" and methods["get"].get("security") != []
        if each["name"] != CURSOR  # the lists check it: test_lists_agree.py
    ]


@pytest.mark.parametrize("kind", UNSEEN)
def test_an_invisible_character_in_a_locality_is_refused_by_field_name(client, kind):
    account = given.an_account()
    answer = client.simulate_get(
        f"/api/accounts/{account.id}/available-numbers",
        query_string=f"locality=San{UNSEEN[kind]}Francisco",
        headers=given.a_key(account),
    )
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [each["field"] for each in answer.json["errors"]] == ["locality"]
    assert "invisible character" in answer.json["errors"][0]["message"]


def test_an_invisible_character_is_refused_in_every_query_parameter(client):
    key = given.a_key(given.an_account())
    found = queries(client)
    assert {name for _, name in found} >= {"locality", "customerId", "since"}
    for path, name in found:
        for odd in ("%00", "a%E2%80%AEb"):
            answer = client.simulate_get(path, query_string=f"{name}={odd}", headers=key)
            assert answer.status_code == 422, (path, name, odd)
            assert [each["field"] for each in answer.json["errors"]] == [name]


def test_an_invisible_character_in_an_undocumented_parameter_is_a_declared_problem(client):
    key = given.a_key(given.an_account())
    for path in ("/api/invoices/inv_1", "/api/webhook-endpoints/we_1", "/api/finance/summary"):
        answer = client.simulate_get(path, query_string="unknown=%00", headers=key)  # checks it
        assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_head_answers_an_invisible_character_as_get_does(client):
    key = given.a_key(given.an_account())
    for query in ("customerId=%00", "unknown=%00"):
        asked = partial(client.simulate_request, path="/api/webhook-endpoints", query_string=query)
        assert [asked(method, headers=key).status_code for method in ("GET", "HEAD")] == [422, 422]


def test_a_request_without_a_key_is_401_despite_invisible_characters(client):
    answer = client.simulate_get("/api/invoices", query_string="customerId=%00")
    assert answer.status_code == 401


def test_a_locality_may_have_letters_of_any_script(client, twilio_stand_in):
    """Given a name with an accent or in another script, then it is accepted, also with joiners of
    Persian letters or emoji, and with a character newer than this server.
    """
    account = given.an_account()
    persian, family, new = (
        "%D9%85%DB%8C%E2%80%8C",
        "%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7",
        "%F3%A0%BF%BF",
    )
    places = ("San%20Jos%C3%A9", "%E6%9D%B1%E4%BA%AC", persian, family, new)
    for place in places:
        answer = client.simulate_get(
            f"/api/accounts/{account.id}/available-numbers",
            query_string=f"locality={place}",
            headers=given.a_key(account),
        )
        assert answer.status_code == 200, (place, answer.text)
    asked = twilio_stand_in.asked("GET", "/Local.json")
    assert [each["InLocality"] for each in asked] == [unquote(place) for place in places]
