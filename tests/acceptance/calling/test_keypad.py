"""Paying by a card typed on the keypad during a call (B6): Twilio captures it, we charge it once,
and the assistant learns the result in the call.
"""

import json
from datetime import timedelta

import pytest

from jobs.expire_stale_charges import expire_stale_charges
from models.books.inbox_event import InboxEvent
from models.calling.keypad_session import KeypadSession
from models.contact.work_item import WorkItem
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_confirmation import PaymentConfirmation
from rules.calling.keypad import MISTAKES, PIECES, RESULTS
from rules.calling.tool_replies import NOTHING_LEFT
from runtime.clock import real_now
from tests import given
from tests.stories.on_the_line import OnTheLine

CALL_SID = f"CA{'1' * 32}"
QUESTION = ("assistant", "Do you agree that we charge 120.00 USD to the card you type in now?")
AGREED = (QUESTION, ("user", "Yes, I agree"))


class Typing:
    """A verified customer who types a card."""

    def __init__(self, line: OnTheLine) -> None:
        self.line, self.books = line, line.twilio.books
        line.takes_cards(keypad_payments=True)
        line.verified()

    def asks(self, tool_id=None, heard=AGREED, call=None):
        at_vapi = {"id": self.line.call.vapi_id, "phoneCallProviderId": CALL_SID} | (call or {})
        return self.line.tool(
            "processPhonePayment", tool_id, call=at_vapi, by="keypad", heard=heard
        )

    def agrees(self, tool_id=None, **more):
        """Ask for agreement, and let the customer say yes."""
        self.asks(heard=(), **more)
        return self.asks(tool_id, **more)

    def types(self):
        """Let the customer type one piece: Twilio reports it, and the next piece is requested."""
        assert set(self.line.deliver()) <= {204}
        self.line.work()

    @property
    def session(self):
        return KeypadSession.select().order_by(KeypadSession.created_at.desc()).first()


@pytest.fixture
def typing(line):
    return Typing(line)


def test_a_card_is_typed_piece_by_piece_and_charged_once(typing):
    """Given a yes, then each piece is asked for in turn, the card is charged once, and the
    assistant is told the result.
    """
    asked = typing.asks(heard=())
    assert "to the card you type in now for bill" in asked
    assert KeypadSession.select().count() == 0
    first = typing.asks("t-1")
    assert "type the card number" in first
    assert typing.asks("t-1") == typing.asks("t-2") == first
    typing.types()
    assert "expiry date" in typing.asks("t-3")
    typing.types()
    assert "security code" in typing.asks()
    typing.types()
    assert "being checked" in typing.asks()
    typing.types()
    told = typing.asks("t-4", heard=())
    assert told.startswith("+The payment of $120.00")
    assert typing.asks("t-5", heard=()) == told
    confirmation = PaymentConfirmation.get()
    assert confirmation.payment_method_id == "pm_card_visa"
    assert (confirmation.by_phone, confirmation.call_id) == (True, typing.line.call.id)
    assert given.fresh(typing.line.invoice).status == "paid"
    assert (typing.session.state, KeypadSession.select().count()) == ("over", 1)
    steps = [row.request["step"] for row in Effect.select().where(Effect.kind == "keypad_step")]
    assert sorted(steps) == sorted(["start", *PIECES, "complete"])


def test_repeated_or_forged_keypad_reports_change_nothing(typing):
    """Given reports that are repeated, forged, or of another call or session, then one charge is
    made, and the inbox stores nothing typed.
    """
    typing.agrees()
    session = typing.session
    path = f"/api/webhooks/twilio/pay?session={session.id}"
    done = {"CallSid": CALL_SID, "Sid": session.payment_sid, "Result": "success"}
    card = {"PaymentCardNumber": "xxxxxxxxxxxx4242", "SecurityCode": "123"}
    card |= {"ExpirationDate": "1234", "PaymentCardPostalCode": "20001", "ProfileId": "cus_1"}
    done |= card | {"PaymentToken": "pm_card_visa", "From": "+12025550177"}
    assert typing.line.tell(path, done, token="another").status_code == 403
    for odd in (
        done | {"CallSid": f"CA{'2' * 32}"},
        done | {"Sid": f"PK{'2' * 32}"},
    ):
        assert typing.line.tell(path, odd).status_code == 204
    assert typing.line.tell("/api/webhooks/twilio/pay?session=kps_x", done).status_code == 204
    assert typing.line.tell("/api/webhooks/twilio/pay", done).status_code == 204
    assert PaymentConfirmation.select().count() == 0
    before = InboxEvent.select().count()
    for _ in range(3):
        assert typing.line.tell(path, done).status_code == 204
    # the digest leaves out what was typed, which could otherwise be guessed from it
    assert typing.line.tell(path, done | {"SecurityCode": "321"}).status_code == 204
    assert InboxEvent.select().count() == before + 1
    assert PaymentConfirmation.select().count() == 1
    late = done | {"PaymentToken": "pm_card_mastercard"}
    assert typing.line.tell(path, late).status_code == 204
    assert PaymentConfirmation.select().count() == 1
    kept = [json.loads(row.payload) for row in InboxEvent.select()]
    assert {name for each in kept for name in each} == {"CallSid", "Sid", "Result"}


@pytest.mark.one_database
@pytest.mark.parametrize("error", [name for name, (_, over) in MISTAKES.items() if not over])
def test_mistyped_card_number_is_asked_for_again(typing, error):
    typing.books.mistyped = [error]
    typing.agrees()
    typing.types()
    again = typing.asks()
    assert MISTAKES[error][0] in again
    assert "type the card number" in again
    typing.types()
    assert "expiry date" in typing.asks()


@pytest.mark.parametrize("again", PIECES[:2])
def test_piece_required_again_without_an_error_is_captured_again(typing, again):
    """Given a report without an error that still requires the card number or the date, then Twilio
    is asked to capture that piece again.
    """
    typing.agrees()
    typing.types()
    session = typing.session
    path = f"/api/webhooks/twilio/pay?session={session.id}"
    fields = {"CallSid": CALL_SID, "Sid": session.payment_sid, "Capture": session.capturing}
    typing.line.tell(path, fields | {"Required": f"{again} security-code"})
    typing.line.work()
    asked = [row.request["step"] for row in Effect.select().where(Effect.kind == "keypad_step")]
    assert asked.count(again) == 2
    assert (typing.session.capturing, typing.session.mistakes) == (again, 1)


def test_too_many_mistakes_end_the_entry_and_a_new_yes_allows_one_more(typing):
    """Given four mistakes, then the card entry ends and a new yes starts another; after two entries
    no more cards are accepted in the call.
    """
    typing.asks(heard=())
    for turn in (1, 2):
        typing.books.mistyped = ["invalid-card-number"] * 4
        typing.asks(heard=AGREED * turn)
        for _ in range(5):
            typing.types()
        told = typing.asks(heard=AGREED * turn)
        assert "Too much was mistyped. Nothing was charged." in told
    assert KeypadSession.select().count() == 2
    assert typing.asks(heard=AGREED * 3).startswith("-No more cards can be typed")
    assert PaymentConfirmation.select().count() == 0
    bill = typing.line.invoice
    Invoice.update(outstanding=0, status="paid").where(Invoice.id == bill.id).execute()
    told = "+" + NOTHING_LEFT.format(number=bill.number)
    assert typing.asks(heard=AGREED * 3) == told, "it was paid by its link meanwhile"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "result",
    [
        "too-many-failed-attempts",
        "payment-connector-error",
        "caller-interrupted-with-star",
        "caller-hung-up",
        "validation-error",
        "internal-error",
        "something-new",
    ],
)
def test_every_failed_keypad_result_is_explained_and_charges_nothing(typing, result):
    typing.agrees()
    session = typing.session
    fields = {"CallSid": CALL_SID, "Sid": session.payment_sid, "Result": result}
    typing.line.tell(f"/api/webhooks/twilio/pay?session={session.id}", fields)
    told = typing.asks(heard=())
    assert RESULTS.get(result, RESULTS["internal-error"]) in told
    assert "Nothing was charged" in told
    assert PaymentConfirmation.select().count() == 0


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        ({"PaymentToken": "tok_visa"}, "could not be checked"),
        ({}, "could not be checked"),
        ({"PaymentToken": "pm_card_chargeDeclined"}, "declined"),
    ],
    ids=["a token", "nothing", "declined"],
)
def test_keypad_card_that_cannot_be_charged_is_explained(typing, spoiled, words):
    typing.agrees()
    session = typing.session
    fields = {"CallSid": CALL_SID, "Sid": session.payment_sid, "Result": "success"} | spoiled
    typing.line.tell(f"/api/webhooks/twilio/pay?session={session.id}", fields)
    told = typing.asks(heard=())
    assert words in told
    assert "Nothing was charged" in told
    assert given.fresh(typing.line.invoice).status == "sent"


def test_balance_change_during_the_entry_stops_the_charge(typing):
    typing.agrees()
    session, invoice = typing.session, typing.line.invoice
    invoice.outstanding = 5_000
    invoice.save()
    fields = {"CallSid": CALL_SID, "Sid": session.payment_sid, "Result": "success"}
    fields |= {"PaymentToken": "pm_card_visa"}
    typing.line.tell(f"/api/webhooks/twilio/pay?session={session.id}", fields)
    assert PaymentConfirmation.select().count() == 0
    assert "amount has changed" in typing.asks(heard=())


def test_lost_twilio_response_starts_no_second_session(typing):
    """Given a lost answer from Twilio, then the retry sends the same key, and starts no second
    session.
    """
    typing.line.stand_in.sandbox.inject_fault(
        kind="refuse_after", provider="twilio", method="POST", path="*/Payments.json"
    )
    assert typing.agrees().startswith("+")
    typing.line.work()
    assert "type the card number" in typing.asks()
    assert len(typing.books.payments) == 1
    requests = typing.line.stand_in.sandbox.shared.requests.select(
        {"provider": "twilio", "method": "POST"}
    )
    begun = [row["params"] for row in requests if row["path"].endswith("/Payments.json")]
    assert (len(begun), len({each["IdempotencyKey"] for each in begun})) == (2, 1)


def test_keypad_is_off_unless_the_account_enables_it(typing):
    typing.line.takes_cards(keypad_payments=False)
    assert typing.asks().startswith("-This clinic takes no card by keypad")
    typing.line.takes_cards(keypad_payments=True)
    # a call not carried by Twilio has no keypad
    for carrier in ("", "v3:abc"):
        assert typing.agrees(call={"phoneCallProviderId": carrier}).startswith("-This clinic takes")
    assert KeypadSession.select().count() == 0


def unheard_for(minutes):
    """Let `minutes` pass without a report on the entry, and run the job that expires it twice."""
    KeypadSession.update(updated_at=real_now() - timedelta(minutes=minutes)).execute()
    for _ in range(2):
        expire_stale_charges.perform()


def test_card_entry_without_its_final_report_fails_and_alerts_the_clinic(typing):
    """Given a complete card whose final report never arrives, then the entry fails after ten
    minutes, nothing is charged even if the report arrives later, and both the assistant and the
    clinic are told.
    """
    typing.agrees("t-1")
    for _ in PIECES:
        typing.types()
    assert typing.session.state == "completing"
    unheard_for(9)
    assert typing.session.state == "completing"
    unheard_for(11)
    assert (typing.session.state, typing.session.error) == ("failed", "no_report")
    (item,) = WorkItem.select()
    assert item.context["reason"] == "card_unheard"
    assert item.customer_id == typing.session.invoice.customer_id
    typing.types()
    assert PaymentConfirmation.select().count() == 0
    assert given.fresh(typing.line.invoice).amount_paid == 0
    told = typing.asks("t-1", heard=())
    assert RESULTS["no_report"] in told
    assert "Nothing was charged" in told


def test_incomplete_card_entry_expires_without_a_work_item(typing):
    typing.agrees()
    typing.types()
    unheard_for(11)
    assert (typing.session.state, typing.session.error) == ("failed", "no_report")
    assert WorkItem.select().count() == 0
    assert RESULTS["no_report"] in typing.asks(heard=())
