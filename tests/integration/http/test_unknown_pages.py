"""An unknown URL gets a page in a browser and a problem document in other clients."""

import pytest

from tests.stories.operators import an_operator, signed_in

pytestmark = pytest.mark.one_database

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/nowhere", "/api/nowhere", "/static/nowhere.css"])
def test_a_browser_gets_an_html_page_for_an_unknown_url(client, path):
    answer = client.simulate_get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Page not found" in answer.text
    assert "must be complete" in answer.text
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
    assert path not in answer.text


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}])
def test_other_clients_get_a_problem_document_for_an_unknown_url(client, headers):
    answer = client.simulate_get("/nowhere", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"], answer.json["code"]) == (
        404,
        "application/problem+json",
        "not_found",
    )


def test_the_page_for_a_missing_rq_job_gives_the_reason(client):
    an_operator()
    answer = client.simulate_get("/rq/0/data/job/gone-1.json", headers=signed_in(client) | BROWSER)
    assert answer.status_code == 404
    assert "RQ has no such job" in answer.text
    assert "<h1>Page not found</h1>" in answer.text


def test_a_missing_api_resource_is_a_problem_document_in_a_browser_too(client):
    assert (
        client.simulate_get("/api/invoices/inv_none", headers=BROWSER).headers["Content-Type"]
        == "application/problem+json"
    )
