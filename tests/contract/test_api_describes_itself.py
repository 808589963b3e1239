"""The OpenAPI description covers every route, and its pages need no scripts and no other host."""

import json
import re
from pathlib import Path

from falcon.routing.compiled import CompiledRouterNode
from pydantic import BaseModel

from models.feed.outgoing_event import CHOICES, TYPES
from tests import given
from web.http.problems import PROBLEMS
from web.openapi.api_docs import OpenApi
from web.openapi.openapi import is_documented

README = Path(__file__).resolve().parents[2] / "README.md"

NOT_API = {
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/login",
    "/logout",
    "/p/{token}",
    "/api/oauth/callback",  # a page for the browser that returns from consent
    "/api/openapi.json",
    "/api/docs",
    "/api/docs/problems",
}
NOT_API |= {"/invoices/{invoice_id}/card", "/card/{token}", "/card/{token}/charges/{charge_id}"}


def routes(client):
    def below(nodes: list[CompiledRouterNode]):
        for node in nodes:
            if node.resource is not None:
                yield node
            yield from below(node.children)

    return list(below(client.app._router._roots))


def test_every_route_is_documented_or_listed_as_not_api(client):
    """A new endpoint needs `@documented(…)` beside its responder, or a place in NOT_API."""
    bare = [
        f"{method} {node.uri_template}"
        for node in routes(client)
        if node.uri_template not in NOT_API
        for method, responder in node.method_map.items()
        if hasattr(node.resource, f"on_{method.lower()}") and not is_documented(responder)
    ]
    assert bare == []
    assert {node.uri_template for node in routes(client)} >= NOT_API


def test_problem_codes_are_documented_under_their_own_status(client):
    document = client.simulate_get("/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                codes = re.findall(r"`(\w+)`", answer["description"])
                assert all(PROBLEMS[code][0] == int(status) for code in codes)
                assert bool(codes) == (int(status) >= 400)


def test_no_pattern_matches_digits_of_every_script(client):
    """No pattern uses `\\d`: in pydantic, unlike in an OpenAPI reader, it matches digits of every
    script, so `2٠٣` would pass as an area code and be sent to Twilio.
    """
    document = json.dumps(client.simulate_get("/api/openapi.json").json)
    assert re.findall(r'"pattern": "[^"]*\\\\d[^"]*"', document) == []


def test_every_operation_id_is_unique(client):
    document = client.simulate_get("/api/openapi.json").json
    ids = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert [name for name in ids if ids.count(name) > 1] == []


def test_no_two_models_share_a_name(client):
    """Components are named after their classes, so two classes of the same name would hide each
    other.
    """

    def below(model):
        for child in model.__subclasses__():
            yield child
            yield from below(child)

    names = [
        model.__name__ for model in set(below(BaseModel)) if model.__module__.startswith("web.")
    ]
    shown = client.simulate_get("/api/openapi.json").json["components"]["schemas"]
    assert len(shown) > 30
    assert {name: names.count(name) for name in shown if names.count(name) != 1} == {}


def test_the_event_types_are_listed(client):
    models = client.simulate_get("/api/openapi.json").json["components"]["schemas"]
    assert models["NewEndpoint"]["properties"]["events"]["items"]["enum"] == list(CHOICES)
    assert set(TYPES) <= set(CHOICES)


def test_the_docs_pages_need_no_scripts_and_no_other_host(client):
    for path in ("/api/docs", "/api/docs/problems", "/api/docs?q=refund"):
        page = client.simulate_get(path.split("?")[0], query_string=path.partition("?")[2])
        assert page.status_code == 200
        assert "script" not in page.headers["Content-Security-Policy"]
        assert "<script" not in page.text
        assert not re.findall(r'(?:src|href)="https?:', page.text)


def test_the_docs_search_finds_by_words_and_escapes_them(client):
    page = client.simulate_get("/api/docs", params={"q": "refunds POST"})
    assert 'id="PaymentRefunds_post"' in page.text
    assert 'id="Customers_get"' not in page.text
    assert "<b>x" not in client.simulate_get("/api/docs", params={"q": "<b>x"}).text


def test_the_docs_page_shows_what_bodies_and_answers_mean(client):
    """Given a body, an answer and a field whose model says what it means, then the page says so."""
    page = " ".join(client.simulate_get("/api/docs", params={"q": "settings"}).text.split())
    assert "<code>ladder</code> replaces the whole ladder; an empty one contacts nobody." in page
    assert "<code>ladder[].days</code>" in page
    assert "A rung: what happens <code>days</code> after the due date." in page
    page = " ".join(client.simulate_get("/api/docs", params={"q": "summary"}).text.split())
    assert "<code>currencies[].byStatus.*.count</code>" in page
    assert "Totals in one currency; currencies are never added up." in page


def test_the_docs_page_shows_the_fields_of_every_answer_in_json(client):
    """Given an answer that may also be `Accepted`, then its own fields are shown."""
    openapi = OpenApi(client.app)
    shown = {
        (operation.path, operation.method.lower(), answer.status): answer.fields
        for operation in openapi.operations
        for answer in operation.answers
    }
    bare = [
        (path, method, status)
        for path, operations in openapi.document["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if "application/json" in answer.get("content", {}) and not shown[path, method, status]
    ]
    assert bare == []
    refund = shown["/api/payments/{payment_id}/refunds", "post", "202"]
    assert {"paymentId", "amount"} <= {field.name for field in refund}


def test_the_requests_in_the_readme_work(client, stripe_stand_in):
    """Given the README's requests, when each is sent with the ids of the earlier answers, then each
    is accepted.
    """
    key, ids = given.a_key(given.an_account()), {}
    told = re.findall(r'^curl "\$URL(\S+)" .*?"(?: -d \'(.*)\')?$', README.read_text(), re.M)
    assert len(told) == 4
    for parts in told:
        path, body = (re.sub(r"[a-z]+_…", lambda named: ids[named[0]], part) for part in parts)
        method = "POST" if body else "GET"
        answer = client.simulate_request(method, path, body=body, headers=key)
        assert answer.status_code in {200, 201, 202}, answer.text
        made = answer.json.get("id", "")
        ids[f"{made.partition('_')[0]}_…"] = made


def test_every_problem_has_the_anchor_its_type_points_to(client):
    problem = client.simulate_get("/api/customers").json
    path, _, anchor = problem["type"].partition("#")
    page = client.simulate_get(path).text
    assert f'id="{anchor}"' in page
    assert all(f'id="{code}"' in page for code in PROBLEMS)
