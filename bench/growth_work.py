"""What `bench.growth` measures of an installation: every list, with each filter and from a page in
the middle; single objects, pages and gauges; the relay; the timetable's jobs with nothing to do;
and the lookups of a comparison and a backfill.
"""

import json
import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, get_args
from urllib.parse import quote

from falcon.testing import TestClient
from redis import Redis

import jobs  # noqa: F401 - registers every job
from actions.books.compare import sighted_invoices, unsighted_payments, unsighted_refunds
from actions.books.receive_event import receive_stripe_event
from delivery import relay
from delivery.registry import find_job
from jobs.timetable import TIMETABLE
from models.books.reconciliation import Reconciliation
from models.transactions import transaction
from web.app import create_app
from web.http.guards.sessions import cookie_name
from web.invoices.responses import InvoiceStatus
from web.people.responses import ItemKind

CLIENT = TestClient(create_app())
NAMED = re.compile(r"(\w+)=").findall
PAGE = 100  # events on a page of Stripe's list
# jobs that call providers, which are not available here
NEED_A_KEY = {"backfill_stripe_events", "reconcile_stripe", "find_strays"}
# lists about one object, each also measured from its first row on
LISTS = (
    "invoices/inv_{middle}/timeline",
    "invoices/inv_{middle}/messages",
    "invoices/inv_{middle}/calls",
    "invoices/inv_{middle}/promises",
    "customers/cu_00000003/contact-ledger",
    "customers/cu_00000003/holds",
    "accounts/ac_large/templates",
    "accounts/ac_large/knowledge-files",
    "accounts/ac_large/deployments",
    "accounts/ac_large/timeline",
    "webhook-endpoints",
    "finance/reconciliation",
)


def acts(names: dict[str, str]) -> dict[str, Callable[[], Any]]:
    """Return what is measured, by name."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    run = Reconciliation.get_by_id(int(names["run"]))
    return {
        **{what: partial(_get, address, names) for what, address in _addresses(names).items()},
        "front page": partial(_get, "/", names),
        "/metrics": partial(_get, "/metrics", names),
        "/readyz": partial(_get, "/readyz", names),
        "relay tick, nothing due": lambda: relay.tick(redis),
        **{f"{name}, nothing to do": _job(name) for name in _timetable()},
        "comparison, payments not seen": lambda: unsighted_payments(run, "", 10),
        "comparison, refunds not seen": lambda: unsighted_refunds(run, "", 10),
        "comparison, invoices seen": lambda: sighted_invoices(run, "", 200),
        "backfill, a page of events known": partial(_receive_page, int(names["size"])),
    }


def _addresses(names: dict[str, str]) -> dict[str, str]:
    """Return the paths that are measured, by a name that is the same at any size."""
    found = {each: f"/api/{each}".format(**names) for each in _paths()}
    for path in LISTS:
        found[path] = f"/api/{path}".format(**names)
        first = _get(found[path], names).json["data"][0]["id"]
        found[f"{path}?startingAfter={{first}}"] = (
            f"{found[path]}?startingAfter={quote(str(first))}"
        )
    _check_that_all_are_measured(found)
    return found


def _paths() -> list[str]:
    """Return the paths of lists and objects, with placeholders for names."""
    invoice, customer = "inv_{middle}", "cu_00000003"
    invoices = [
        "",
        *(f"status={status}" for status in get_args(InvoiceStatus)),
        "status=draft&status=overdue",
        "number=n{middle}",
        "externalId=x{middle}",
        f"customerId={customer}",
        f"customerId={customer}&status=draft",
        "updatedSince={long_ago}",
        "updatedSince={recent}",
        "updatedSince={long_ago}&status=paid",
        "updatedSince={recent}&status=paid",
        "updatedSince={long_ago}&customerId=" + customer,
    ]
    items = [
        "",
        *(f"state={state}" for state in ("open", "resolved")),
        *(f"kind={kind}" for kind in get_args(ItemKind)),
        "state=resolved&kind=reply",
        "state=open&kind=dispute",
    ]
    lists = {
        "invoices": (invoices, invoice),
        "finance/unpaid-invoices": (["", "status=sent", "status=overdue"], invoice),
        "customers": (["", "externalId=x{person}"], "cu_{person}"),
        "payments": (["", f"invoiceId={invoice}"], "pay_{middle}"),
        "work-items": (items, "wki_{fifth}"),
    }
    return [
        *(
            f"{name}?{'&'.join(part for part in (asked, cursor) if part)}".rstrip("?")
            for name, (filters, last) in lists.items()
            for asked in filters
            for cursor in ("", f"startingAfter={last}")
        ),
        "events?since=0",
        "events?since={half}",
        "finance/summary",
        "finance/metrics",
        "accounts/ac_large/contact-preview?days=7",
        f"invoices/{invoice}",
        f"customers/{customer}",
        "payments/pay_{middle}",
        "calls/call_{fifth}",
        "work-items/wki_{fifth}",
        "webhook-endpoints/{endpoint}",
    ]


def _check_that_all_are_measured(addresses: Iterable[str]) -> None:
    """Check that every list of the API is measured, with all its filters and from a cursor."""
    paths = CLIENT.simulate_get("/api/openapi.json", protocol="https").json["paths"]
    for path, operations in paths.items():
        given = operations.get("get", {}).get("parameters", ())
        asked = {each["name"] for each in given if each["in"] == "query"}
        if "limit" not in asked or path.endswith("/contact-preview"):  # not backed by a table
            continue
        ours = re.compile(re.sub(r"\{\w+\}", "[^/?]+", path) + r"(\?.*)?$")
        used = {name for each in addresses if ours.match(f"/api/{each}") for name in NAMED(each)}
        if left := asked - used - {"limit"}:
            raise SystemExit(f"{path} is not measured with {', '.join(sorted(left))}.")


def _get(path: str, names: dict[str, str]) -> Any:
    headers = {
        "Authorization": f"Bearer {names['operator' if path == '/metrics' else 'key']}",
        "Cookie": f"{cookie_name('session')}={names['session']}" if path == "/" else "",
    }
    answer = CLIENT.simulate_get(path, headers=headers, protocol="https")
    if answer.status_code != 200:  # noqa: PLR2004
        raise SystemExit(f"{path} was answered {answer.status}: {answer.text[:300]}")
    return answer


def _timetable() -> list[str]:
    return [entry.job for entry in TIMETABLE if entry.job not in NEED_A_KEY]


def _job(name: str) -> Callable[[], Any]:
    job_type = find_job(name)
    if job_type is None:
        raise SystemExit(f"There is no job {name}.")
    return job_type.perform


def _receive_page(size: int) -> None:
    """Receive a page of the latest events, all of which are already known."""
    with transaction():
        for number in range(size - PAGE + 1, size + 1):
            event = {"id": f"evt_{number:08}", "type": "payment_intent.succeeded", "data": {}}
            if receive_stripe_event(event, json.dumps(event)) is not None:
                raise SystemExit(f"{event['id']} was new.")
