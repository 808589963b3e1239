"""An audit entry for every attempt to pay (F61), including one refused before anything was planned,
whose transaction was rolled back.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from peewee import OperationalError
from structlog.testing import capture_logs

from actions.payments import refused_attempts
from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.effects.pause_switch import PauseSwitch
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.transactions import database
from runtime.clock import real_now
from runtime.log import get_log
from web.payments.card_tokens import LIFE, CardForm


def refused(invoice):
    """Return the audit entries of refused attempts to pay the invoice, oldest first."""
    about = (AuditEntry.action == "payment.refused", AuditEntry.subject == f"invoice:{invoice.id}")
    return list(AuditEntry.select().where(*about).order_by(AuditEntry.id))


def told(entry):
    """Return an entry's code, amount and currency."""
    return entry.detail["code"], entry.detail["amount"], entry.detail["currency"]


def pause(is_paused=True):
    PauseSwitch.set("", "charges", is_paused, "operator:ada", "audit")


@pytest.mark.parametrize(
    ("way", "code", "amount"),
    [
        ("paused", "charges_paused", 12_500),
        ("too much", "amount_exceeds_balance", 99_999),
        ("no card", "no_saved_card", 12_500),
        ("paid", "invoice_already_paid", 0),
        ("intent", "charges_paused", 500),
        ("confirm", "charges_paused", 12_500),
        ("link", "invoice_already_paid", 0),
        ("no text", "no_consent", 12_500),
        ("offline", "currency_mismatch", 700),
    ],
)
def test_a_refused_attempt_is_audited(clinic, way, code, amount):
    if way == "confirm":
        intent = clinic.intent().json["paymentIntentId"]
    if way in {"paused", "intent", "confirm"}:
        pause()
    if way in {"paid", "link"}:
        Invoice.update(status="paid", outstanding=0).execute()
    ways = {
        "too much": lambda: clinic.phone(amount=amount),
        "no card": lambda: clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True),
        "intent": lambda: clinic.intent(amount=amount),
        "confirm": lambda: clinic.confirm(intent, paymentMethodId="pm_card_visa"),
        "link": clinic.link,
        "no text": lambda: clinic.client.simulate_post(
            f"/api/invoices/{clinic.invoice.id}/payment-links",
            json={"channel": "sms"},
            headers=clinic.headers,
        ),
        "offline": lambda: clinic.post(
            "upsert",
            invoiceId=clinic.invoice.id,
            amount=amount,
            currency="eur",
            method="check",
            reference="no. 1",
        ),
    }
    answer = ways.get(way, clinic.phone)()
    assert answer.json.get("reasonCode", answer.json["code"]) == code
    (entry,) = refused(clinic.invoice)
    assert told(entry) == (code, amount, "usd")
    assert (entry.account_id, entry.actor[:4]) == (clinic.account.id, "key:")
    assert entry.detail["invoice_id"] == clinic.invoice.id
    assert PaymentAttempt.select().count() == (way == "confirm"), "nothing else is there"


def test_repeated_refused_request_adds_no_audit_entry(clinic):
    """Given a refused request, then repeating it under its key adds no entry; another key, another
    body or another reason is another attempt.
    """
    pause()
    for _ in range(3):
        assert clinic.phone(key="k-1").json["code"] == "charges_paused"
    assert len(refused(clinic.invoice)) == 1
    clinic.phone(key="k-2")
    clinic.phone(key="k-1", amount=100)
    assert len(refused(clinic.invoice)) == 3
    Invoice.update(status="paid", outstanding=0).execute()
    clinic.phone(key="k-1")
    assert [entry.detail["code"] for entry in refused(clinic.invoice)[3:]] == [
        "invoice_already_paid"
    ]
    # without a key, each request is an attempt of its own
    for _ in range(2):
        clinic.intent()
    assert len(refused(clinic.invoice)) == 6


def test_concurrent_refusals_of_one_request_are_audited_once(clinic, monkeypatch):
    monkeypatch.setattr(database.obj, "patience", 120.0, raising=False)
    pause()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: clinic.phone(key="k-1"), range(8)))
    assert len(refused(clinic.invoice)) == 1


def test_request_refused_and_later_granted_has_both_audit_entries(clinic):
    pause()
    clinic.phone(key="k-1")
    pause(False)
    for _ in range(2):
        assert clinic.phone(key="k-1").status_code == 200
    pause()
    assert clinic.phone(key="k-1").status_code == 200, "a replay"
    assert len(refused(clinic.invoice)) == 1
    requested = AuditEntry.select().where(AuditEntry.action == "payment.requested")
    assert requested.count() == 1


def test_declined_card_is_audited_as_declined_and_not_as_refused(clinic):
    """Given a charge that was planned and declined, then it is audited as declined, not refused."""
    for _ in range(2):
        assert clinic.phone("pm_card_chargeDeclined", key="k-1").status_code == 402
    assert refused(clinic.invoice) == []
    declined = AuditEntry.select().where(AuditEntry.action == "payment.declined")
    assert declined.count() == 1


def test_client_supplied_text_is_not_stored_in_the_audit_log(clinic):
    """Given a card number in a field or a key, then the request is rejected at once; of an accepted
    key, only a digest is audited.
    """
    pause()
    number = "4242424242424242"
    for answer in (clinic.phone(key=f"k {number}"), clinic.phone(card=number)):
        assert answer.json["code"] == "card_number_refused"
    assert refused(clinic.invoice) == []
    clinic.phone(key="a key of theirs", card="pm_of_theirs")
    (entry,) = refused(clinic.invoice)
    assert set(entry.detail) == {"invoice_id", "amount", "currency", "code", "request"}
    assert "theirs" not in str([(row.subject, row.detail) for row in AuditEntry.select()])


def test_failure_to_audit_a_refusal_is_logged_and_keeps_the_response(clinic, monkeypatch):
    """Given a database that fails while the refusal is audited, then the answer stays the refusal,
    and the log has what the entry would have said.
    """
    pause()
    real = AuditEntry.record

    def fails(actor, action, *rest, **detail):
        if action == "payment.refused":
            raise OperationalError("the disk is full")
        return real(actor, action, *rest, **detail)

    monkeypatch.setattr(AuditEntry, "record", fails)
    monkeypatch.setattr(refused_attempts, "log", get_log("payments"))  # not bound before
    with capture_logs() as lines:
        answer = clinic.phone()
    assert (answer.status_code, answer.json["code"]) == (409, "charges_paused")
    assert refused(clinic.invoice) == []
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert line["event"] == "a refused payment is not in the audit log"
    assert (line["code"], line["amount"], line["currency"]) == ("charges_paused", 12_500, "usd")
    assert (line["invoice_id"], line["account_id"]) == (clinic.invoice.id, clinic.account.id)
    assert line["by"].startswith("key:")


def test_card_form_audits_refused_charges(clinic):
    AccountSettings.change(clinic.account, {"staff_entry": "link_only"}, real_now())
    form = CardForm(clinic.invoice.id, "operator:ada", real_now() + LIFE)
    for card in ("pm_card_visa", "pm_card_visa", "pm_card_mastercard"):
        body = {"paymentMethodId": card, "amount": 12_500}
        answer = clinic.client.simulate_post(f"/card/{form.token}", json=body)
        assert answer.json["code"] == "staff_form_off"
    entries = refused(clinic.invoice)
    assert [told(entry) for entry in entries] == [("staff_form_off", 12_500, "usd")] * 2
    assert {entry.actor for entry in entries} == {form.actor}


def test_refused_payment_is_on_the_invoices_timeline(clinic):
    pause()
    clinic.phone()
    entries = clinic.get(f"/api/invoices/{clinic.invoice.id}/timeline").json["data"]
    assert "payment.refused" in {entry["type"] for entry in entries if entry["kind"] == "audit"}
