"""Card entry in a call at the clinic's order: `keypad` of POST /api/payments/phone (F41, B6). The
assistant is told, asks the customer for agreement itself, and only then is a card captured.
"""

from datetime import timedelta

import pytest

from actions.calling.tools.debts import MOST
from effects.calling.keypad import KEYPAD_ORDER
from jobs.expire_stale_charges import expire_stale_charges
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.effects.effect import Effect
from models.effects.pause_switch import PauseSwitch
from models.invoices.invoice import Invoice
from models.payments.payment_confirmation import PaymentConfirmation
from providers.errors import ProviderError
from providers.vapi import client as vapi_api
from providers.vapi.control import tell_assistant
from rules.deployment.card_entry import ORDER, TO_CARD_ENTRY
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.settings import get_settings
from sandbox.vapi.books import MAGIC_KEY, PUBLIC_KEY
from tests import given

CALL_SID = f"CA{'1' * 32}"
QUESTION = ("assistant", "Do you agree that we charge 120.00 USD to the card you type in now?")
AGREED = (QUESTION, ("user", "Yes, I agree"))


class Ordering:
    """A clinic whose software orders card entry during a call with a verified customer."""

    def __init__(self, line):
        self.line, self.books = line, line.stand_in.sandbox.vapi.books
        line.takes_cards(keypad_payments=True)
        line.verified()
        self.goes_on(line.call)
        self.line.deliver()

    def goes_on(self, call, status="in-progress"):
        """Set the call's state at Vapi."""
        row = {"id": call.vapi_id, "status": status, "phoneCallProviderId": CALL_SID}
        self.books.tables["call"][call.vapi_id] = row

    def orders(self, key=None, invoice=None, **more):
        body = {"invoiceId": (invoice or self.line.invoice).id, "keypad": True}
        body |= {"callId": self.line.call.id} | more
        headers = self.line.headers | {"Idempotency-Key": key or new_id("key")}
        body = {name: value for name, value in body.items() if value is not None}
        return self.line.client.simulate_post("/api/payments/phone", json=body, headers=headers)

    def asks(self, heard=AGREED, by="keypad", **more):
        """Let the assistant that takes cards call its tool."""
        at_vapi = {"id": self.line.call.vapi_id, "phoneCallProviderId": CALL_SID}
        return self.line.tool("processPhonePayment", call=at_vapi, by=by, heard=heard, **more)

    def types(self):
        assert set(self.line.deliver()) <= {204}
        self.line.work()

    def stands(self, answer):
        """Return what the answer's `Location` shows."""
        got = self.line.client.simulate_get(answer.headers["location"], headers=self.line.headers)
        assert got.status_code == 200, got.text
        return got.json


@pytest.fixture
def ordering(line, monkeypatch):
    monkeypatch.setenv("VAPI_API_BASE", line.stand_in.url)
    monkeypatch.setenv("VAPI_PUBLIC_KEY", PUBLIC_KEY)
    get_settings.cache_clear()
    vapi_api.client.cache_clear()
    yield Ordering(line)
    vapi_api.client.cache_clear()


def test_ordered_card_entry_starts_only_after_the_customer_agrees(ordering):
    """Given an order, then the assistant is told, no card is captured before its tool has heard a
    yes, and the `Location` of the 202 shows the result.
    """
    answer = ordering.orders("k-1")
    assert answer.status_code == 202, answer.text
    assert (answer.json["success"], answer.json["status"]) == (False, "pending")
    (told,) = ordering.books.told
    assert told["call"] == ordering.line.call.vapi_id
    assert told["message"] == {"role": "system", "content": ORDER}
    assert TO_CARD_ENTRY in ORDER
    assert ordering.line.twilio.books.payments == {}, "nothing is begun at Twilio"
    shown = ordering.stands(answer)
    assert (shown["status"], shown["amount"], shown["callId"]) == (
        "pending",
        12_000,
        ordering.line.call.id,
    )
    assert "to the card you type in now" in ordering.asks(heard=())
    assert ordering.line.twilio.books.payments == {}
    assert "type the card number" in ordering.asks()
    for _ in range(4):
        ordering.types()
    assert ordering.asks(heard=()).startswith("+The payment of $120.00")
    assert given.fresh(ordering.line.invoice).status == "paid"
    shown = ordering.stands(answer)
    assert (shown["status"], shown["amountReceived"]) == ("succeeded", 12_000)
    again = ordering.orders("k-1")
    assert (again.status_code, again.json["success"]) == (200, True)
    assert again.headers["idempotent-replayed"] == "true"
    assert (KeypadSession.select().count(), PaymentConfirmation.select().count()) == (1, 1)
    assert len(ordering.books.told) == 1
    entries = {row.action: row for row in AuditEntry.select()}
    assert entries["keypad.ordered"].actor.startswith("key:")
    assert entries["keypad.begun"].actor == f"call:{ordering.line.call.id}"


def test_ordered_card_entry_is_for_the_named_bill(ordering):
    """Given a call about two bills, then the customer is asked about the ordered one, not the
    oldest; the card on file still pays the oldest.
    """
    line = ordering.line
    later = given.an_invoice(
        line.account, amount=7_000, customer=line.customer, status="sent", number="INV-2"
    )
    Invoice.update(due_date=line.invoice.due_date + timedelta(days=5)).where(
        Invoice.id == later.id
    ).execute()
    given.execute(
        "INSERT INTO call_invoice (call_id, invoice_id) VALUES (?, ?)", (line.call.id, later.id)
    )
    assert ordering.orders(invoice=later).status_code == 202
    assert "70.00 USD" in ordering.asks(heard=())
    assert "120.00 USD" in ordering.asks(heard=(), by="saved_card")


def test_bill_beyond_those_read_out_can_still_be_ordered(ordering):
    """Given a call about more bills than the assistant reads out, then the newest can be ordered,
    and the customer is asked about that one.
    """
    line = ordering.line
    for place in range(MOST):
        later = given.an_invoice(
            line.account,
            amount=7_000,
            customer=line.customer,
            number=f"INV-{place + 2}",
            due_date=line.invoice.due_date + timedelta(days=place + 1),
        )
        given.execute(
            "INSERT INTO call_invoice (call_id, invoice_id) VALUES (?, ?)", (line.call.id, later.id)
        )
    answer = ordering.orders(invoice=later)
    assert answer.status_code == 202, answer.text
    assert "70.00 USD" in ordering.asks(heard=())
    KeypadSession.update(state="failed", error="card_declined").execute()
    assert "70.00 USD" in ordering.asks(heard=(), invoiceId=later.id), "after a failed entry, too"


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("no call", "invalid", "name the call"),
        ("part", "invalid", "the whole balance"),
        ("both", "invalid", "Send exactly one of"),
        ("another's", "not_found", "There is no call"),
        ("off", "keypad_unavailable", "takes no cards by keypad"),
        ("over", "keypad_unavailable", "not in progress"),
        ("unverified", "keypad_unavailable", "not verified"),
        ("other bill", "keypad_unavailable", "not about invoice"),
        ("not Twilio's", "keypad_unavailable", "not go through Twilio"),
        ("paid", "invoice_already_paid", "is paid"),
        ("disputed", "invoice_not_payable", "is disputed"),
        ("paused", "charges_paused", "paused charges"),
        ("no key", "not_configured", "VAPI_PUBLIC_KEY"),
        ("twice", "payment_in_progress", "already"),
    ],
)
def test_invalid_keypad_order_is_refused_with_advice(ordering, monkeypatch, what, code, said):
    line = ordering.line
    call = Call.update
    given_that = {
        "off": lambda: line.takes_cards(keypad_payments=False),
        "over": lambda: call(state="ended").execute(),
        "unverified": lambda: call(verified_at=None).execute(),
        "not Twilio's": lambda: call(carrier_id="v3:1").execute(),
        "paid": lambda: Invoice.update(status="paid", outstanding=0).execute(),
        "disputed": lambda: Invoice.update(disputed=True).execute(),
        "paused": lambda: PauseSwitch.set("", "charges", True, "operator:ada", "audit"),
        "no key": lambda: monkeypatch.setattr(get_settings(), "vapi_public_key", ""),
        "twice": ordering.orders,
    }
    given_that.get(what, lambda: None)()
    asked = {
        "no call": {"callId": None},
        "another's": {"callId": "call_of_nobody"},
        "part": {"amount": 500},
        "both": {"useSavedCard": True},
    }
    more = asked.get(what, {})
    if what == "other bill":
        more = {"invoice": given.an_invoice(line.account, status="sent", number="INV-9")}
    before = KeypadSession.select().count(), len(ordering.books.told)
    answer = ordering.orders(**more)
    assert answer.json["code"] == code, answer.text
    assert said in answer.json["detail"]
    assert (KeypadSession.select().count(), len(ordering.books.told)) == before
    assert Effect.select().where(Effect.kind == "keypad_step").count() == 0
    tried = AuditEntry.select().where(AuditEntry.action == "payment.refused")
    assert tried.count() == (code not in {"invalid", "not_found"})


def test_keypad_order_fails_if_the_call_has_ended_at_vapi(ordering):
    """Given a call that is over at Vapi but not yet in our rows, then the order fails."""
    ordering.goes_on(ordering.line.call, "ended")
    answer = ordering.orders()
    assert (answer.status_code, answer.json["status"]) == (200, "failed")
    assert "not started" in ordering.stands(answer)["advice"]
    assert "payment link" in ordering.stands(answer)["advice"]
    assert ordering.books.told == []
    assert Effect.get(Effect.kind == "keypad_order").state == "refused"


def test_ignored_keypad_order_expires_and_can_be_given_again(ordering):
    """Given an assistant that ignores the order, then the order expires, does not count as a failed
    entry, and another can be given.
    """
    answer = ordering.orders()
    KeypadSession.update(updated_at=real_now() - timedelta(minutes=11)).execute()
    expire_stale_charges.perform()
    shown = ordering.stands(answer)
    assert (shown["status"], shown["code"]) == ("failed", "keypad_failed")
    assert KeypadSession.failures(ordering.line.call) == 0
    assert Effect.select().where(Effect.kind == "keypad_step").count() == 0
    assert ordering.orders().status_code == 202


def test_keypad_order_with_a_lost_response_is_sent_to_vapi_again(ordering):
    ordering.line.stand_in.sandbox.inject_fault(
        kind="refuse_after", provider="vapi", method="POST", path="/live/*"
    )
    assert ordering.orders().status_code == 202
    given.retried(ordering.line.redis, "interactive", 2)
    assert Effect.get(Effect.kind == KEYPAD_ORDER.name).state == "confirmed"
    assert [told["call"] for told in ordering.books.told] == [ordering.line.call.vapi_id] * 2


def test_balance_change_restarts_the_ordered_entry_with_the_new_amount(ordering):
    answer = ordering.orders()
    Invoice.update(outstanding=5_000).where(Invoice.id == ordering.line.invoice.id).execute()
    assert "50.00 USD" in ordering.asks(heard=())
    agreed = (("assistant", QUESTION[1].replace("120.00", "50.00")), AGREED[1])
    assert "type the card number" in ordering.asks(heard=agreed)
    assert ordering.stands(answer)["status"] == "failed"
    begun = KeypadSession.one("state = 'capturing'")
    assert (begun.amount, KeypadSession.select().count()) == (5_000, 2)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "url",
    [
        "https://vapi.ai.example.com/control",
        "http://phone.vapi.ai/control",
        "file:///etc/passwd",
        "https://[broken",
        None,
    ],
)
def test_control_url_outside_vapi_gets_no_request(ordering, monkeypatch, url):
    """Given an answer with a control URL that is not Vapi's, then no request goes to it."""
    monkeypatch.setattr(
        "sandbox.vapi.live.with_address", lambda call, _: call | {"monitor": {"controlUrl": url}}
    )
    with pytest.raises(ProviderError) as refused:
        tell_assistant(ordering.line.call.vapi_id, "x")
    assert (refused.value.outcome, refused.value.code) == ("refused", "not_going_on")


@pytest.mark.one_database
def test_private_key_is_not_sent_to_the_control_url(ordering):
    ordering.books.public_keys.clear()
    ordering.books.public_keys.add(MAGIC_KEY)
    with pytest.raises(ProviderError) as refused:
        tell_assistant(ordering.line.call.vapi_id, "x")
    assert refused.value.code == "unauthorized"


@pytest.mark.one_database
def test_report_for_an_order_without_a_session_charges_nothing(ordering):
    """Given an order for which no session exists at Twilio, then reports that name it are
    ignored.
    """
    ordering.orders()
    session = KeypadSession.get()
    fields = {"Result": "success", "PaymentToken": "pm_card_visa"}
    path = f"/api/webhooks/twilio/pay?session={session.id}"
    for odd in (fields, fields | {"CallSid": ""}):
        assert ordering.line.tell(path, odd).status_code == 204
    assert KeypadSession.get().state == "ordered"
    assert PaymentConfirmation.select().count() == 0
