"""What is still owed, and what staff decide about it (F29, F30, F33, F34, F53)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from rules.payment_merge import Charge, PaymentReport
from runtime.clock import business_now, move_business_time, real_now
from tests import given

UNPAID = "/api/finance/unpaid-invoices"
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
LADDER = [
    {"days": 3, "channel": "sms", "template": "payment_link", "purpose": "reminder"},
    {"days": 7, "channel": "voice", "template": None, "purpose": "reminder"},
    {"days": 14, "channel": "sms", "template": "reminder", "purpose": "reminder"},
    {"days": 21, "channel": "voice", "template": None, "purpose": "reminder"},
    {"days": 28, "channel": "person", "template": None, "purpose": "reminder"},
]


def today(account, days=0):
    return account.local_date(business_now()) + timedelta(days=days)


def paid(invoice, amount):
    Payment.record_report(
        invoice,
        "",
        f"pi_{invoice.id}",
        PaymentReport("succeeded", amount, amount, invoice.currency),
        real_now(),
    )


@pytest.fixture
def clinic(client):
    """A clinic where it is noon, so that the day does not end during a test."""
    account = given.an_account()
    there = business_now().astimezone(ZoneInfo(account.time_zone))
    move_business_time(there.replace(hour=12) - there)
    return account, given.a_key(account)


def test_unpaid_invoices_are_listed_by_due_date_with_their_customers(client, clinic):
    account, key = clinic
    customer = given.a_customer(account, name="Ada Payer", email="ada@example.com")
    for number, days, status in (
        ("new", 5, "sent"),
        ("old", -40, "overdue"),
        ("late", -1, "overdue"),
    ):
        given.an_invoice(
            account,
            customer=customer,
            number=number,
            due_date=today(account, days),
            status=status,
            project="Crown",
        )
    for status in ("paid", "draft", "cancelled", "written_off"):
        given.an_invoice(
            account, customer=customer, number=status, due_date=today(account, -9), status=status
        )
    given.an_invoice(given.an_account(name="Other"), due_date=today(account, -9), status="overdue")

    rows = client.simulate_get(UNPAID, headers=key).json["data"]
    assert [(row["number"], row["status"], row["daysOverdue"]) for row in rows] == [
        ("old", "overdue", 40),
        ("late", "overdue", 1),
        ("new", "sent", 0),
    ]
    row = rows[0]
    assert (row["dueDate"], row["outstandingBalance"], row["currency"]) == (
        today(account, -40).isoformat(),
        12_500,
        "usd",
    )
    assert row["customer"] == {
        "id": customer.id,
        "name": "Ada Payer",
        "phone": "+12025550123",
        "email": "ada@example.com",
    }
    for which, numbers in (("overdue", ["old", "late"]), ("sent", ["new"])):
        found = client.simulate_get(UNPAID, headers=key, params={"status": which}).json["data"]
        assert [row["number"] for row in found] == numbers
    assert client.simulate_get(UNPAID, headers=key, params={"status": "paid"}).status_code == 422


def test_an_invoice_counts_as_overdue_before_the_sweep_has_marked_it(client, clinic):
    """A sweep marks invoices every few minutes; the list does not wait for it (F30)."""
    account, key = clinic
    given.an_invoice(account, due_date=today(account, -1), status="sent")
    (row,) = client.simulate_get(UNPAID, headers=key, params={"status": "overdue"}).json["data"]
    assert (row["status"], row["daysOverdue"]) == ("overdue", 1)


@pytest.mark.parametrize(("zone", "late"), [("Pacific/Kiritimati", 1), ("Pacific/Honolulu", 0)])
def test_days_overdue_are_counted_in_the_accounts_time_zone(client, zone, late):
    """At noon UTC it is already tomorrow in Kiritimati (UTC+14), and still night in Honolulu
    (UTC−10).
    """
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0)
    move_business_time(noon - datetime.now(UTC))
    account = given.an_account(time_zone=zone)
    given.an_invoice(account, due_date=noon.date(), status="sent")
    (row,) = client.simulate_get(UNPAID, headers=given.a_key(account)).json["data"]
    assert row["daysOverdue"] == late


def test_pages_of_unpaid_invoices_have_no_gap_or_repetition(client, clinic):
    account, key = clinic
    customer = given.a_customer(account)
    for index in range(23):  # many due on one day: their ids decide the order
        given.an_invoice(
            account,
            customer=customer,
            number=f"n{index}",
            due_date=today(account, index % 3 - 1),
            status="sent" if index % 2 else "overdue",
        )
    seen, after = [], None
    while True:
        page = client.simulate_get(
            UNPAID, headers=key, params={"limit": 5} | ({"startingAfter": after} if after else {})
        ).json
        seen += page["data"]
        after = page["data"][-1]["id"]
        if not page["hasMore"]:
            break
    assert [(row["dueDate"], row["id"]) for row in seen] == sorted(
        (row["dueDate"], row["id"]) for row in seen
    )
    assert len({row["id"] for row in seen}) == len(seen) == 23
    stranger = given.an_invoice(given.an_account(name="Other"))
    assert (
        client.simulate_get(UNPAID, headers=key, params={"startingAfter": stranger.id}).status_code
        == 422
    )


def test_the_summary_counts_by_currency_status_and_age(client, clinic):
    account, key = clinic
    customer = given.a_customer(account)
    for number, days, currency, amount in (
        ("a", -1, "usd", 100),
        ("b", -30, "usd", 200),
        ("c", -31, "usd", 400),
        ("d", -90, "usd", 800),
    ):
        given.an_invoice(
            account,
            amount,
            currency,
            customer=customer,
            number=number,
            due_date=today(account, days),
            status="overdue",
        )
    given.an_invoice(
        account, 1600, "usd", customer=customer, due_date=today(account, -400), status="overdue"
    )
    given.an_invoice(
        account, 5000, "jpy", customer=customer, due_date=today(account, 3), status="sent"
    )
    given.an_invoice(
        account,
        77,
        "usd",
        customer=customer,
        due_date=today(account, -3),
        status="paid",
        outstanding=0,
    )
    told = client.simulate_get("/api/finance/summary", headers=key).json
    assert told["asOf"] == today(account).isoformat()
    jpy, usd = told["currencies"]
    assert (jpy["currency"], jpy["byStatus"]) == (
        "jpy",
        {"sent": {"count": 1, "outstanding": 5000}},
    )
    assert usd["byStatus"] == {
        "overdue": {"count": 5, "outstanding": 3100},
        "paid": {"count": 1, "outstanding": 0},
    }
    assert usd["overdue"] == {
        "days1To30": {"count": 2, "outstanding": 300},
        "days31To60": {"count": 1, "outstanding": 400},
        "days61To90": {"count": 1, "outstanding": 800},
        "daysOver90": {"count": 1, "outstanding": 1600},
    }


def post(client, key, invoice, action, **body):
    return client.simulate_post(f"/api/invoices/{invoice.id}/{action}", headers=key, json=body)


def test_sending_a_draft_makes_it_sent_or_overdue(client, clinic):
    account, key = clinic
    draft = given.an_invoice(account, mark="draft", status="draft", due_date=today(account, 3))
    late = given.an_invoice(account, mark="draft", status="draft", due_date=today(account, -3))
    assert [post(client, key, invoice, "send").json["status"] for invoice in (draft, late)] == [
        "sent",
        "overdue",
    ]
    assert post(client, key, draft, "send").status_code == 200  # sending twice is harmless
    assert [
        entry.action
        for entry in AuditEntry.select().where(AuditEntry.subject == f"invoice:{draft.id}")
    ] == ["invoice.sent"]


def test_a_cancelled_invoice_owes_nothing_and_its_link_is_retired(client, clinic):
    account, key = clinic
    invoice = given.an_invoice(account)
    link = PaymentLink.plan(invoice, real_now())
    answer = post(client, key, invoice, "cancel", reason="wrong patient file")
    assert (answer.json["status"], answer.json["outstandingBalance"]) == ("cancelled", 0)
    assert "wrong patient file" in answer.json["notes"]
    assert PaymentLink.get_by_id(link.id).state in {"retired", "retiring"}
    for action, code in (("send", "invoice_closed"), ("write-off", "invoice_closed")):
        refused = post(client, key, invoice, action)
        assert (refused.status_code, refused.json["code"]) == (409, code)
    assert post(client, key, invoice, "cancel").json["notes"] == answer.json["notes"]
    assert (
        client.simulate_post(
            f"/api/invoices/{invoice.id}/payment-links", headers=key, json={}
        ).status_code
        == 409
    )


def test_cancelling_a_partly_paid_invoice_makes_the_payment_an_overpayment(client, clinic):
    account, key = clinic
    invoice = given.an_invoice(account, 10_000)
    paid(invoice, 4_000)
    answer = post(client, key, invoice, "cancel").json
    assert (
        answer["status"],
        answer["outstandingBalance"],
        answer["overpaid"],
        answer["amountPaid"],
    ) == ("cancelled", 0, 4_000, 4_000)


def test_writing_off_the_rest_keeps_what_was_paid(client, clinic):
    account, key = clinic
    invoice = given.an_invoice(account, 10_000)
    paid(invoice, 4_000)
    answer = post(client, key, invoice, "write-off").json
    assert (
        answer["status"],
        answer["outstandingBalance"],
        answer["overpaid"],
        answer["amountPaid"],
    ) == ("written_off", 0, 0, 4_000)


def test_a_paid_invoice_cannot_be_closed_nor_a_draft_written_off(client, clinic):
    account, key = clinic
    done = given.an_invoice(account, 10_000, status="paid")
    paid(done, 10_000)
    for action in ("send", "cancel", "write-off"):
        answer = post(client, key, done, action)
        assert (answer.status_code, answer.json["code"]) == (409, "invoice_already_paid")
    draft = given.an_invoice(account, mark="draft", status="draft")
    assert post(client, key, draft, "write-off").status_code == 409


@pytest.mark.parametrize("what", ["debit", "charge"])
@pytest.mark.parametrize("action", ["cancel", "write-off"])
def test_an_invoice_cannot_be_closed_while_a_payment_is_in_progress(client, clinic, action, what):
    """Given a bank debit that takes days, or a card being charged through a retiring attempt, then
    the invoice cannot be closed.
    """
    account, key = clinic
    invoice, now = given.an_invoice(account, 10_000), real_now()
    if what == "debit":
        report = PaymentReport("", 10_000, 0, "usd", {"ch_1": Charge("processing")})
        Payment.record_report(invoice, "", "pi_debit", report, now)
    else:
        attempt = PaymentAttempt.plan(invoice, 10_000, None, "test", now)
        PaymentConfirmation.request(attempt, "pm_1", "test", now)
        attempt.record_retiring(now)
    refused = post(client, key, invoice, action)
    assert (refused.status_code, refused.json["code"]) == (409, "payment_in_progress")
    assert given.fresh(invoice).mark == "sent"


def test_a_write_off_is_audited_with_the_status_before(client, clinic):
    account, key = clinic
    invoice = given.an_invoice(account, due_date=date(2020, 1, 1), status="overdue")
    assert post(client, key, invoice, "write-off").json["status"] == "written_off"
    (entry,) = AuditEntry.select().where(AuditEntry.subject == f"invoice:{invoice.id}")
    assert (entry.action, entry.detail, entry.account_id) == (
        "invoice.written_off",
        {"before": "overdue", "after": "written_off"},
        account.id,
    )
    link = post(client, key, invoice, "payment-links")
    assert f"{invoice.number} is written off; only" in link.json["detail"]


def test_notes_are_appended_with_their_date_and_never_overwritten(client, clinic):
    account, key = clinic
    invoice = given.an_invoice(account, notes="from the import")
    post(client, key, invoice, "notes", text="called, no answer")
    answer = post(client, key, invoice, "notes", text="promised Friday")
    lines = answer.json["notes"].splitlines()
    assert (answer.status_code, len(lines), lines[0]) == (201, 3, "from the import")
    assert lines[1].startswith(f"[{today(account).isoformat()} ")
    assert lines[2].endswith("promised Friday")
    assert post(client, key, invoice, "notes", text="").status_code == 422
    Invoice.update(notes="x" * 9_990).where(Invoice.id == invoice.id).execute()
    assert post(client, key, invoice, "notes", text="too much now").status_code == 422


def test_another_accounts_invoice_is_not_found(client, clinic):
    _, key = clinic
    stranger = given.an_invoice(given.an_account(name="Other"))
    for action, body in (("send", {}), ("cancel", {}), ("write-off", {}), ("notes", {"text": "x"})):
        assert post(client, key, stranger, action, **body).status_code == 404
    assert given.fresh(stranger).mark == "sent"


def test_settings_have_defaults_change_by_name_and_are_audited(client, clinic):
    account, key = clinic
    address = f"/api/accounts/{account.id}/settings"
    before = client.simulate_get(address, headers=key).json
    assert before == {
        "paymentCollection": "link",
        "callFrequency": "weekly",
        "calling": "manual",
        "paymentTiming": "immediate",
        "staffEntry": "form",
        "party": "first",
        "quietDays": [],
        "keypadPayments": False,
        "sendProject": False,
        "consentDays": 0,
        "numberCheckDays": 0,
        "openingHours": {day: ["09:00-17:00"] for day in WORKDAYS},
        "ladder": LADDER,
        "firstContacts": "draft",
        "updatedAt": None,
    }
    client.simulate_patch(address, headers=key, json={"calling": "automatic"})
    after = client.simulate_patch(
        address, headers=key, json={"callFrequency": "daily", "staffEntry": "link_only"}
    ).json
    assert {name: after[name] for name in after if name != "updatedAt"} == {
        "paymentCollection": "link",
        "callFrequency": "daily",
        "calling": "automatic",
        "paymentTiming": "immediate",
        "staffEntry": "link_only",
        "party": "first",
        "quietDays": [],
        "openingHours": {day: ["09:00-17:00"] for day in WORKDAYS},
        "ladder": LADDER,
        "firstContacts": "draft",
        "keypadPayments": False,
        "sendProject": False,
        "consentDays": 0,
        "numberCheckDays": 0,
    }
    assert client.simulate_get(address, headers=key).json == after
    assert (
        client.simulate_patch(address, headers=key, json={"calling": "sometimes"}).status_code
        == 422
    )
    assert [
        entry.detail
        for entry in (
            AuditEntry.select()
            .where(AuditEntry.action == "settings.changed")
            .order_by(AuditEntry.id)
        )
    ] == [
        {"calling": "automatic"},
        {"call_frequency": "daily", "staff_entry": "link_only"},
    ]
    other = given.an_account(name="Other")
    assert client.simulate_get(f"/api/accounts/{other.id}/settings", headers=key).status_code == 404
    assert (
        client.simulate_get(
            f"/api/accounts/{other.id}/settings", headers=given.a_key(None)
        ).status_code
        == 200
    )
