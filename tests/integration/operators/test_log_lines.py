"""The log has one line per request, and one request id from the API to the effect; it never has a
path, query or body.
"""

import json

import httpx

from jobs.process_stripe_event import process_stripe_event
from models.delivery.staged_job import StagedJob
from models.payments.payment_link import PaymentLink
from tests import given
from tests.running.servers import wait_for
from tests.running.website import serve
from tests.stories.operators import an_operator


def test_one_request_id_is_logged_from_the_api_to_the_effect(
    database_url, valkey, stand_in, processes, logged
):
    """Given a request for a link, then web, job and effect each log a line with the request's
    id.
    """
    account = given.an_account()
    invoice, key = given.an_invoice(account), given.a_key(account)
    url = serve(processes)
    processes("worker.py", WORKERS="webhooks=1")
    answer = httpx.post(
        f"{url}/api/invoices/{invoice.id}/payment-links?note=private",
        json={},
        headers=key | {"X-Request-Id": "req_followed"},
        timeout=120,
    )
    assert answer.status_code == 202
    wait_for(
        lambda: PaymentLink.select().where(PaymentLink.state == "active").exists(),
        "the link is made",
    )
    events = ("request", "effect answered", "job")
    wait_for(lambda: all(map(logged.lines, events)), "each line is written")
    [request], [effect], [job] = map(logged.lines, events)
    assert {line["request_id"] for line in (request, effect, job)} == {"req_followed"}
    assert (request["method"], request["route"], request["status"]) == (
        "POST",
        "/api/invoices/{invoice_id}/payment-links",
        202,
    )
    assert (request["account_id"], request["actor"].split(":")[0]) == (account.id, "key")
    assert request["seconds"] > 0
    assert effect["kind"] == "payment_link"
    assert (job["job"], job["state"]) == ("create_payment_link", "done")
    assert invoice.id not in json.dumps(request)
    assert "private" not in logged.text


def test_each_request_except_probes_logs_one_line(database_url, valkey, processes, logged):
    """Given requests to every kind of route, then each logs a line with its route; health,
    readiness, metrics and static files log none.
    """
    an_operator()
    url = serve(processes)
    signed = given.signed(given.an_event("customer.created", {"id": "cus_1", "object": "customer"}))
    with httpx.Client(base_url=url, timeout=60, follow_redirects=False) as browser:
        statuses = [
            browser.get(path).status_code
            for path in ("/healthz", "/readyz", "/metrics", "/static/favicon.svg")
        ]
        statuses += [
            browser.get(path).status_code
            for path in ("/p/notasecret", "/nowhere/else", "/api/invoices", "/rq/0/view/workers")
        ]
        statuses.append(
            browser.post(
                "/api/webhooks/stripe", content=signed["body"], headers=signed["headers"]
            ).status_code
        )
    wait_for(lambda: len(logged.lines("request")) >= 5, "the lines are written")
    told = [(line["method"], line["route"], line["status"]) for line in logged.lines("request")]
    routes = [
        ("GET", "/p/{token}"),
        ("GET", "none"),
        ("GET", "/api/invoices"),
        ("GET", "/rq"),
        ("POST", "/api/webhooks/stripe"),
    ]
    assert told == [(*route, status) for route, status in zip(routes, statuses[4:], strict=True)]
    assert statuses[-1] == 200
    [kept] = logged.lines("event received")
    assert kept["event_id"] == json.loads(signed["body"])["id"]
    assert "notasecret" not in logged.text
    assert StagedJob.select().count() == 1


def test_only_unexpected_failures_log_a_traceback(database_url, valkey, processes, logged):
    """Given an unreachable Stripe, an event whose invoice does not exist yet, and a missing row,
    then only the last logs a traceback.
    """
    paid = given.an_intent(given.an_invoice())
    process_stripe_event.perform(given.received(given.an_event("payment_intent.succeeded", paid)))
    away = given.received(
        given.an_event("charge.refunded", {"object": "charge", "payment_intent": paid["id"]})
    )
    to_come = given.an_intent(
        given.an_invoice(), metadata={**paid["metadata"], "invoice_id": "inv_to_come"}
    )
    early = given.received(given.an_event("payment_intent.succeeded", to_come))
    gone = given.a_job("process_stripe_event", 999_999)
    processes("worker.py", WORKERS="webhooks=1", STRIPE_API_BASE="http://127.0.0.1:9")
    wait_for(
        lambda: len({line["job_id"] for line in logged.lines("attempt failed")}) >= 3,
        "all have failed",
    )
    first = {line["error"].split(":")[0]: line for line in reversed(logged.lines("attempt failed"))}
    assert first.keys() == {"ProviderError", "NotYet", "InboxEventDoesNotExist"}
    assert "Traceback" not in json.dumps([first["ProviderError"], first["NotYet"]])
    assert "stripe" in first["ProviderError"]["error"]
    assert "Traceback" in first["InboxEventDoesNotExist"]["exception"]
    jobs = {int(row.key): row.id for row in StagedJob.select()}
    assert [
        first[kind]["job_id"] for kind in ("ProviderError", "NotYet", "InboxEventDoesNotExist")
    ] == [jobs[away], jobs[early], gone]
