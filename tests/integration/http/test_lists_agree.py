"""Every list of the API works alike: `limit`, `startingAfter`, `hasMore`, and the same errors
(interface, Lists).
"""

from datetime import timedelta

import pytest

from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.contact.consent import Consent
from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.message import Message
from models.contact.opt_out import OptOut
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.deployment.deployment import Deployment
from models.deployment.knowledge_file import KnowledgeFile
from models.feed.webhook_endpoint import WebhookEndpoint
from models.payments.payment import Payment
from rules.contact.facts import Refused
from runtime.clock import real_now
from tests import given
from tests.clinic import Clinic

LISTS = [
    "/api/customers",
    "/api/invoices",
    "/api/payments",
    "/api/finance/unpaid-invoices",
    "/api/invoices/{invoice}/timeline",
    "/api/invoices/{invoice}/messages",
    "/api/invoices/{invoice}/calls",
    "/api/customers/{customer}/contact-ledger",
    "/api/customers/{customer}/holds",
    "/api/accounts/{account}/templates",
    "/api/accounts/{account}/knowledge-files",
    "/api/accounts/{account}/deployments",
    "/api/accounts/{account}/timeline",
    "/api/webhook-endpoints",
    "/api/work-items",
    "/api/invoices/{invoice}/promises",
]
COMPARED = "/api/finance/reconciliation"  # empty until the books are compared with Stripe's
FEED = "/api/events"  # uses `since` as its cursor
# not our rows: at most twenty numbers, as Twilio has them now
NUMBERS = "/api/accounts/{account_id}/available-numbers"
# computed for each request, from the current time on
PREVIEW = "/api/accounts/{account_id}/contact-preview"
# every supported provider, a handful
PROVIDERS = "/api/accounts/{account_id}/integrations"


class Listing(Clinic):
    """A clinic with several of each thing that is listed."""

    def __init__(self, client, account):
        super().__init__(client, account=account)
        now = real_now()
        invoices = [self.invoice, *(given.an_invoice(account) for _ in range(4))]
        customer, person = self.invoice.customer, "+12025550123"
        said = {"source": "form", "text": "x", "text_version": "1", "recorded_by": "test"}
        for count, invoice in enumerate(invoices):
            about = {
                "invoice": invoice,
                "account": account,
                "method": "cash",
                "reference": str(count),
                "status": "succeeded",
                "amount": 1,
                "currency": "usd",
            }
            Hold.place(customer, "other", "", None, "test", now)
            AuditEntry.record("test", "invoice.noted", f"invoice:{self.invoice.id}", account.id)
            AuditEntry.record("test", "settings.changed", f"account:{account.id}", account.id)
            Payment.create(id=f"pay_{account.id}{count}", **about, created_at=now, updated_at=now)
            texted = {
                "account": account,
                "customer": customer,
                "invoice": self.invoice,
                "kind": "payment_link",
                "to": person,
                "asked_by": "test",
            }
            Message.create(
                id=f"msg_{account.id}{count}",
                **texted,
                created_at=now + timedelta(seconds=count),
                updated_at=now,
            )
            about_call = {
                "from_number": "",
                "phone_number_id": "",
                "reason": "x",
                "asked_by": "test",
            }
            Call.request([self.invoice], customer, now=now, **about_call)
            WorkItem.open(account.id, "escalation", f"{account.id}{count}", "look at it")
            promised = Promise.make(self.invoice, 1, self.invoice.due_date, now, "test", [])
            promised.record_settled("replaced", 0, now)
            WebhookEndpoint.register(account, f"https://example.com/{count}", [], "x", now)
            Consent.record(customer, person, ["sms"], now, now, **said)
            asked = {
                "account_id": account.id,
                "customer_id": customer.id,
                "invoice_id": None,
                "channel": "sms",
                "phone": person,
                "asked_by": "test",
            }
            ContactDecision.record(Refused("quiet_hours", "night"), now, **asked)
            KnowledgeFile.create(
                id=f"kf_{account.id}{count}",
                account=account,
                name="a.txt",
                content_type="text/plain",
                size=1,
                digest="",
                created_at=now,
                updated_at=now,
            )
            Deployment.create(
                id=f"dep_{account.id}{count}",
                account=account,
                status="rolled_back",
                holds_slot=False,
                method="forwarded",
                asked_by="test",
                created_at=now,
                updated_at=now,
            )
            Hold.place(customer, "other", "", None, "test", now)
            OptOut.record(account.id, person, "stop", ["sms"], source="test", recorded_by="test")
        self.names = {"invoice": self.invoice.id, "customer": customer.id, "account": account.id}

    def see(self, path, **params):
        return self.get(path.format(**self.names), **params)

    def refuses(self, path, field, text):
        answer = self.see(path, **{field: text})
        told = (
            answer.status_code,
            answer.json.get("code"),
            [error["field"] for error in answer.json.get("errors", [])],
        )
        assert told == (422, "invalid", [field]), (path, text, answer.text)
        return answer.json


@pytest.fixture
def clinic(client):
    return Listing(client, given.an_account())


@pytest.mark.parametrize("path", LISTS)
def test_pages_join_without_gap_or_overlap(clinic, path):
    whole, read, cursor = clinic.see(path, limit=100).json, [], {}
    assert whole["hasMore"] is False
    assert len(whole["data"]) >= 3
    for _ in range(len(whole["data"])):
        page = clinic.see(path, limit=2, **cursor).json
        assert len(page["data"]) in {1, 2}
        read += page["data"]
        cursor = {"startingAfter": read[-1]["id"]}
        if not page["hasMore"]:
            break
    assert read == whole["data"]
    assert clinic.see(path, **cursor).json["data"] == [], (
        "after the last one there is nothing, and that is no error"
    )


def test_every_list_refuses_an_invalid_cursor_with_the_same_error(clinic):
    """Given another account's id, garbage, an empty cursor or a NUL, then the answer is 422 rather
    than a page.
    """
    stranger = Listing(clinic.client, given.an_account(name="Other"))
    for path in [*LISTS, COMPARED]:
        theirs = (
            []
            if "templates" in path or path == COMPARED
            else [stranger.see(path).json["data"][0]["id"]]
        )
        told = [
            clinic.refuses(path, "startingAfter", cursor)
            for cursor in [*theirs, "inv_none", "zzzz", "0", "", "a\0b", "é", "x" * 5_000]
        ]
        assert {problem["detail"] for problem in told} == {
            (
                "startingAfter is not an id in this list. Send the last id of the previous page,"
                " or none."
            )
        }


def test_every_list_refuses_an_invalid_limit_with_the_same_error(clinic):
    for path in [*LISTS, COMPARED, FEED]:
        told = [
            clinic.refuses(path, "limit", limit)
            for limit in ("x", "0", "-1", "101", "1_0", "١", "+5", "1.0", " 5", "", "9" * 5_000)
        ]
        assert {problem["detail"] for problem in told} == {
            "limit is not a whole number from 1 to 100. Send one, in plain digits."
        }


def test_every_list_refuses_a_parameter_that_is_given_twice(clinic):
    """Given two limits or cursors, then neither counts in silence."""
    for path in [*LISTS, COMPARED, FEED]:
        for name in ("limit", "since" if path == FEED else "startingAfter"):
            assert "more than once" in clinic.refuses(path, name, ["1", "1"])["detail"]


def test_both_invoice_lists_refuse_an_unknown_status(clinic):
    for path in ("/api/invoices", "/api/finance/unpaid-invoices"):
        for status in ("bogus", "", "sent,overdue", "SENT", "a\0"):
            clinic.refuses(path, "status", status)
        clinic.refuses(path, "status", ["sent", "bogus"])
        assert len(clinic.see(path, status=["sent", "overdue"]).json["data"]) == 5
        assert (
            len(clinic.see(path, status="sent").json["data"]),
            clinic.see(path, status="overdue").json["data"],
        ) == (5, [])


def test_a_row_that_left_the_filtered_list_is_still_a_valid_cursor(clinic):
    """Given a page of sent invoices, when its last one is then cancelled, then it is still a valid
    cursor.
    """
    first = clinic.see("/api/invoices", status="sent", limit=2).json["data"]
    clinic.client.simulate_post(
        f"/api/invoices/{first[-1]['id']}/cancel", json={}, headers=clinic.headers
    )
    assert (
        len(
            clinic.see(
                "/api/invoices", status="sent", limit=100, startingAfter=first[-1]["id"]
            ).json["data"]
        )
        == 3
    )
    endpoint = clinic.see("/api/webhook-endpoints").json["data"][1]["id"]
    assert (
        clinic.client.simulate_delete(
            f"/api/webhook-endpoints/{endpoint}", headers=clinic.headers
        ).status_code
        == 204
    )
    assert len(clinic.see("/api/webhook-endpoints", startingAfter=endpoint).json["data"]) == 3


def test_the_contact_ledger_lists_every_kind_in_order(clinic):
    rows = clinic.see("/api/customers/{customer}/contact-ledger", limit=100).json["data"]
    assert {
        kind: sum(row["type"] == kind for row in rows)
        for kind in ("consent", "optOut", "decision", "message")
    } == {
        "consent": 5,
        "optOut": 5,
        "decision": 5,
        "message": 5,
    }
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert all(row["id"] == row[row["type"]]["id"] for row in rows)


def test_every_list_in_the_openapi_document_is_paginated(client):
    """A new list must page like the others and be added to LISTS."""
    document = client.simulate_get("/api/openapi.json").json
    lists = {}
    for path, operations in document["paths"].items():
        schema = (
            operations.get("get", {"responses": {}})["responses"]
            .get("200", {})
            .get("content", {})
            .get("application/json", {})
            .get("schema", {})
        )
        shown = (
            document["components"]["schemas"]
            .get(schema.get("$ref", "").rpartition("/")[2], {})
            .get("properties", {})
        )
        others = {NUMBERS, PREVIEW, PROVIDERS}
        if shown.get("data", {}).get("type") == "array" and path not in others:
            lists[path] = (
                "hasMore" in shown,
                {parameter["name"] for parameter in operations["get"]["parameters"]},
            )
    assert len(lists) == len([*LISTS, COMPARED, FEED])
    assert [
        path
        for path, (more, names) in lists.items()
        if not more or not names >= ({"limit"} if path == FEED else {"limit", "startingAfter"})
    ] == []
