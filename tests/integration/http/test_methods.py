"""Each URL takes the methods that make sense for it: HEAD wherever GET is, and no method that would
change a static file.
"""

import json

import httpx
import pytest

from tests import given
from tests.contract.test_api_describes_itself import routes
from tests.running.website import serve
from tests.stories.operators import an_operator, signed_in

pytestmark = pytest.mark.one_database

STYLE = "/static/payphone.css"


def asked_both_ways(client, path, headers):
    return [client.simulate_request(method, path, headers=headers) for method in ("GET", "HEAD")]


def test_every_get_route_answers_head(client):
    """Given any route, then HEAD is routed and listed in `Allow` exactly where GET is."""
    for node in routes(client):
        responders, read = node.method_map, hasattr(node.resource, "on_get")
        assert (responders["HEAD"] == responders["GET"]) == (
            read or responders["HEAD"] == responders["TRACE"]
        ), node.uri_template
        allowed = (
            client.simulate_options(node.uri_template.replace("{", "").replace("}", ""))
            .headers["allow"]
            .split(", ")
        )
        assert ("HEAD" in allowed, "GET" in allowed) == (read, read), node.uri_template


def test_head_is_get_without_the_body(client):
    account = given.an_account()
    invoice, key, operator = given.an_invoice(account), given.a_key(account), given.a_key(None)
    an_operator()
    browser = signed_in(client)
    paths = {
        f"/api/invoices/{invoice.id}": key,
        "/api/invoices": key,
        "/api/customers": key,
        "/api/openapi.json": {},
        "/api/docs": {},
        "/healthz": {},
    }
    paths |= {
        "/readyz": {},
        "/metrics": operator,
        "/login": {},
        "/": browser,
        STYLE: {},
        "/rq/0/view/workers": browser,
        f"/api/invoices/{invoice.id}x": key,
    }
    for path, headers in paths.items():
        whole, head = asked_both_ways(client, path, headers)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        assert whole.status_code in {200, 404}, path
        assert head.headers["content-type"] == whole.headers["content-type"], path
        # the counters have changed in between, and so has a nonce
        if path not in {"/metrics", "/rq/0/view/workers"}:
            assert head.headers["content-length"] == str(len(whole.content)), path
        assert int(head.headers["content-length"]) > 0, path
    for refused in (client.simulate_head("/api/invoices"), client.simulate_head("/metrics")):
        assert (refused.status_code, refused.content) == (401, b"")
    assert client.simulate_head("/api/payments/upsert", headers=key).status_code == 405


def test_head_over_a_real_socket_keeps_the_connection_usable(
    database_url,
    valkey,
    processes,
    logged,
):
    key, url = given.a_key(given.an_account()), serve(processes)
    with httpx.Client(base_url=url, timeout=120) as browser:
        for path in ("/healthz", "/api/customers", STYLE):
            answer = browser.head(path, headers=key)
            assert (
                answer.status_code,
                answer.content,
                int(answer.headers["content-length"]) > 0,
            ) == (200, b"", True)
        assert browser.get("/api/customers", headers=key).json() == {"data": [], "hasMore": False}
    told = [(line["method"], line["route"], line["status"]) for line in logged.lines("request")]
    assert [
        line for line in told if line[0] in {"GET", "HEAD"} and line[1] == "/api/customers"
    ] == [
        ("HEAD", "/api/customers", 200),
        ("GET", "/api/customers", 200),
    ]
    assert "Traceback" not in json.dumps(told)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_static_files_accept_only_read_methods(client, method):
    for path in (STYLE, "/static/nowhere.css"):
        answer = client.simulate_request(method, path)
        assert (answer.status_code, answer.json["code"], answer.headers["allow"]) == (
            405,
            "method_not_allowed",
            "GET, HEAD, OPTIONS",
        )
    options = client.simulate_options(STYLE)
    assert (options.status_code, options.headers["allow"]) == (200, "GET, HEAD")
