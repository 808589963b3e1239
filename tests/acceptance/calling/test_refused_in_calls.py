"""Every attempt to pay is audited (F61), including those refused to the assistant's tool."""

from models.accounts.audit_entry import AuditEntry
from models.calling.keypad_session import KeypadSession
from models.effects.pause_switch import PauseSwitch
from models.payments.payment import Payment
from runtime.clock import real_now


def refused(invoice):
    """Return the audit entries of refused attempts to pay the invoice, oldest first."""
    about = (AuditEntry.action == "payment.refused", AuditEntry.subject == f"invoice:{invoice.id}")
    return list(AuditEntry.select().where(*about).order_by(AuditEntry.id))


def told(entry):
    """Return an entry's code, amount and currency."""
    return entry.detail["code"], entry.detail["amount"], entry.detail["currency"]


def pause():
    PauseSwitch.set("", "charges", True, "operator:ada", "audit")


def test_payment_tools_audit_each_refusal_once(line):
    """Given a clinic that takes no cards in calls, a customer without a card on file, or a payment
    in progress, then each refusal is one entry, and asking again adds none.
    """
    line.verified()
    for _ in range(2):
        assert line.tool("processPhonePayment").startswith("-")
    assert [told(entry)[0] for entry in refused(line.invoice)] == ["staff_form_off"]
    line.takes_cards()
    question = ("assistant", "Do you agree that we charge 120.00 USD to your card on file?")
    for heard in ((), (question, ("user", "Yes, I agree")), (question, ("user", "Yes, I agree"))):
        said = line.tool("processPhonePayment", heard=heard)
    assert said.startswith("-")
    entries = refused(line.invoice)
    assert [told(entry) for entry in entries[1:]] == [("no_saved_card", 12_000, "usd")]
    assert entries[1].actor == f"call:{line.call.id}"
    pause()
    Payment.create(
        id="pay_debit",
        account=line.invoice.account_id,
        invoice=line.invoice,
        intent_id="pi_debit",
        currency="usd",
        amount=12_000,
        status="processing",
        charges={},
        created_at=(now := real_now()),
        updated_at=now,
    )
    for _ in range(2):
        assert line.tool("createPaymentLink").startswith("-")
    assert [entry.detail["code"] for entry in refused(line.invoice)[2:]] == ["payment_in_progress"]


def test_refused_charge_of_a_typed_card_is_audited_once(line):
    """Given a typed card, when charges are paused before its report arrives, then the refusal is
    audited once.
    """
    line.takes_cards(keypad_payments=True)
    line.verified()
    sid = f"CA{'1' * 32}"
    at_vapi = {"id": line.call.vapi_id, "phoneCallProviderId": sid}
    question = ("assistant", "Do you agree that we charge 120.00 USD to the card you type in now?")
    for heard in ((), (question, ("user", "Yes, I agree"))):
        line.tool("processPhonePayment", call=at_vapi, by="keypad", heard=heard)
    pause()
    for session in KeypadSession.select():
        fields = {"CallSid": sid, "Sid": session.payment_sid, "Result": "success"}
        fields |= {"PaymentToken": "pm_card_visa"}
        for _ in range(2):
            line.tell(f"/api/webhooks/twilio/pay?session={session.id}", fields)
    assert [told(entry) for entry in refused(line.invoice)] == [("charges_paused", 12_000, "usd")]
