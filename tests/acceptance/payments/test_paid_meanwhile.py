"""Money already taken elsewhere of which no event has arrived: nothing more is taken, and the
payment is found.
"""

import contextlib
import sys
from datetime import timedelta

import pytest
from stripe import CardError

from effects.payments.intent import INTENT_CANCEL, INTENT_CONFIRM
from effects.perform import perform
from effects.reserve import reserve
from effects.settle import owner_of
from jobs.cancel_payment_intent import cancel_payment_intent
from jobs.reconcile_effects import reconcile_effects
from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.invoices.customer import Customer
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PayAddress, PaymentLink
from models.transactions import transaction
from runtime.clock import business_now, real_now
from runtime.errors import NotYet
from tests import given
from tests.clinic import Clinic
from tests.stories.operators import run

RETURN = "https://example.org/done"


def a_link(clinic: Clinic, redis) -> PaymentLink:
    assert (
        clinic.client.simulate_post(
            f"/api/invoices/{clinic.invoice.id}/payment-links", json={}, headers=clinic.headers
        ).status_code
        == 202
    )
    given.worked(redis, "messages")
    link: PaymentLink = PaymentLink.get()
    assert link.state == "active"
    return link


def pay_in_browser(clinic: Clinic, intent_id: str, card: str = "pm_card_visa") -> None:
    clinic.stripe.sdk.payment_intents.confirm(
        intent_id, {"payment_method": card, "return_url": RETURN}
    )


def tasks(clinic: Clinic, redis, rounds: int = 4) -> None:
    for _ in range(rounds):
        given.retried(redis, "messages", 1)
        given.retried(redis, "webhooks", 1)


def confirmed_charges(clinic: Clinic) -> int:
    return sum(
        request["path"].endswith("/confirm")
        for request in clinic.stripe.shown("requests")["requests"]
    )


def test_card_is_not_charged_if_the_link_was_just_paid(clinic, valkey):
    """Given a customer who has paid by link and whose webhook is late, when the clinic charges a
    card, then it is not charged.
    """
    link = a_link(clinic, valkey.client())
    assert clinic.stripe.pay(clinic.stripe.visit(link.url)) == 200
    answer = clinic.phone(key="k1")
    assert (answer.status_code, answer.json["success"]) == (202, False)
    tasks(clinic, valkey.client())
    assert (clinic.stripe.received(clinic.invoice.id), confirmed_charges(clinic)) == (12_500, 0)
    assert (clinic.now.status, clinic.now.amount_paid, clinic.now.overpaid) == ("paid", 12_500, 0)
    again = clinic.phone(key="k1")
    assert (again.status_code, again.json["code"]) == (409, "invoice_already_paid")
    assert PaymentLink.get().state == "retired"


def test_checkout_page_paid_while_being_closed_counts(clinic, valkey, monkeypatch):
    """Given an open checkout page, when it is paid after we have listed it and before it is
    expired, then the payment is still found.
    """
    retire = sys.modules["jobs.retire_payment_link"]
    link = a_link(clinic, valkey.client())
    page, real = clinic.stripe.visit(link.url), retire.list_sessions

    def looked_then_paid(*asked):
        found = real(*asked)
        if asked[1] == "open" and clinic.stripe.received(clinic.invoice.id) == 0:
            assert clinic.stripe.pay(page) == 200
        return found

    monkeypatch.setattr(retire, "list_sessions", looked_then_paid)
    clinic.phone()
    tasks(clinic, valkey.client())
    assert (clinic.stripe.received(clinic.invoice.id), clinic.now.amount_paid) == (12_500, 12_500)


def test_refused_session_expiry_is_retried(clinic, valkey):
    link = a_link(clinic, valkey.client())
    page = clinic.stripe.visit(link.url)
    clinic.stripe.fault("refused_400", "POST", "/v1/checkout/sessions/*/expire", times=2)
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 9",
    )
    tasks(clinic, valkey.client())
    assert (PaymentLink.get().state, clinic.stripe.pay(page)) == ("retired", 410)
    effects = Effect.select().where(Effect.kind == "session_expire").order_by(Effect.created_at)
    assert [effect.state for effect in effects] == ["refused", "refused", "confirmed"]


def test_link_stays_retiring_until_stripe_deactivates_it(clinic, valkey):
    a_link(clinic, valkey.client())
    clinic.stripe.fault("refused_400", "POST", "/v1/payment_links/*", times=1)
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 9",
    )
    given.retried(valkey.client(), rounds=1)
    assert PaymentLink.get().state == "retiring"
    tasks(clinic, valkey.client())
    assert PaymentLink.get().state == "retired"
    assert [link.active for link in clinic.stripe.sdk.payment_links.list().data] == [False]


def test_lost_response_to_a_session_expiry_is_settled_by_lookup(clinic, valkey):
    """Given a page whose expiry succeeded but whose answer was lost, then the session is no longer
    listed as open, and is looked up by its id.
    """
    link = a_link(clinic, valkey.client())
    clinic.stripe.visit(link.url)
    clinic.stripe.fault("refuse_after", "POST", "/v1/checkout/sessions/*/expire")
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 9",
    )
    given.worked(valkey.client())
    effect = Effect.get(Effect.kind == "session_expire")
    assert (PaymentLink.get().state, effect.in_doubt) == ("retiring", True)
    assert owner_of(effect) == StagedJob.get(name="retire_payment_link", key=link.id)
    tasks(clinic, valkey.client())
    assert (PaymentLink.get().state, Effect.get_by_id(effect.id).state) == ("retired", "confirmed")


@pytest.mark.parametrize("what", ["link", "intent"])
def test_operator_can_settle_closing_a_link_or_intent_we_cannot_access(clinic, valkey, what):
    """Given a clinic that disconnected its Stripe account, when an operator settles the effect by
    naming what was closed there, then the invoice can be paid again.
    """
    closed = (
        a_link(clinic, valkey.client()).stripe_link_id
        if what == "link"
        else clinic.intent().json["paymentIntentId"]
    )
    clinic.stripe.fault(
        "forbidden_403",
        "*",
        "/v1/payment_links/*" if what == "link" else f"/v1/payment_intents/{closed}*",
        times=1000,
    )
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 9",
    )
    given.retried(valkey.client(), rounds=18)
    effect = Effect.get(Effect.kind == ("link_deactivate" if what == "link" else "intent_cancel"))
    assert (
        run(
            "effects", "settle", effect.id, "--confirmed", "another", "--why", "seen there"
        ).exit_code
        == 1
    )
    said = run(
        "effects",
        "settle",
        effect.id,
        "--confirmed",
        closed,
        "--why",
        "seen in the clinic's own dashboard",
    )
    assert said.exit_code == 0, said.output
    clinic.stripe.forgive()
    tasks(clinic, valkey.client())
    assert (PaymentLink.get().state if what == "link" else PaymentAttempt.get().state) in {
        "retired",
        "closed",
    }
    assert clinic.phone().json["success"]


def looked_at(redis):
    """Run the hourly reconciliation of effects, hours later."""
    Effect.update(
        created_at=Effect.created_at - 7_200_000_000,
        last_sent_at=Effect.last_sent_at - 7_200_000_000,
    ).execute()
    reconcile_effects.perform()
    given.retried(redis, "periodic", rounds=1)


def test_unsent_cancel_is_refused_once_the_intent_is_cancelled_anyway(clinic, valkey, monkeypatch):
    """Given a worker that dies between reserving a cancel and sending it, when the intent is
    cancelled anyway, then the effect does not stay open for ever.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    with monkeypatch.context() as patch:
        patch.setitem(
            cancel_payment_intent.perform.__globals__, "perform", lambda _effect: sys.exit("killed")
        )
        clinic.post(
            "upsert",
            invoiceId=clinic.invoice.id,
            amount=5_000,
            currency="usd",
            method="check",
            reference="no. 9",
        )
        with contextlib.suppress(SystemExit):
            given.worked(valkey.client())
    StagedJob.update(state="waiting", lease_until=None).where(
        StagedJob.state == "running"
    ).execute()
    clinic.stripe.sdk.payment_intents.cancel(intent_id)
    for event in clinic.stripe.events():
        given.received(event)
    tasks(clinic, valkey.client())
    effect = Effect.get(Effect.kind == "intent_cancel")
    assert (effect.state, effect.sent_at) == ("refused", None)
    assert (effect.error_code, PaymentAttempt.get().state) == ("not_wanted", "closed")
    assert AuditEntry.get(AuditEntry.action == "effect.settled").detail["outcome"] == "refused"


def test_cancel_reported_by_event_before_it_was_recorded_is_confirmed(clinic, valkey, monkeypatch):
    """Given a worker that dies after its cancel call, when Stripe's event is processed first, then
    the next attempt confirms the effect, though nothing is left to cancel.
    """
    clinic.intent()

    def performed_and_killed(effect):
        perform(effect)
        sys.exit("killed")

    with monkeypatch.context() as patch:
        patch.setitem(cancel_payment_intent.perform.__globals__, "perform", performed_and_killed)
        clinic.post(
            "upsert",
            invoiceId=clinic.invoice.id,
            amount=5_000,
            currency="usd",
            method="check",
            reference="no. 9",
        )
        with contextlib.suppress(SystemExit):
            given.worked(valkey.client())
    effect = Effect.get(Effect.kind == "intent_cancel")
    assert (effect.state, effect.in_doubt) == ("sending", True)
    for event in clinic.stripe.events():
        given.received(event)
    given.worked(valkey.client())
    assert PaymentAttempt.get().state == "closed"
    StagedJob.update(state="waiting", lease_until=None).where(
        StagedJob.state == "running"
    ).execute()
    tasks(clinic, valkey.client())
    effect = Effect.get_by_id(effect.id)
    assert (effect.state, effect.provider_id) == ("confirmed", PaymentAttempt.get().intent_id)


def test_reconciliation_leaves_an_unsent_effect_with_a_waiting_job_alone(clinic, valkey):
    clinic.intent()
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 9",
    )
    attempt = PaymentAttempt.get()
    with transaction():
        effect = reserve(
            INTENT_CANCEL, attempt.id, {"intent": attempt.intent_id}, clinic.now, "", "test", "test"
        )
    looked_at(valkey.client())
    assert Effect.get_by_id(effect.id).state == "sending"
    tasks(clinic, valkey.client())
    assert Effect.get_by_id(effect.id).state == "confirmed"


@pytest.mark.parametrize("how", ["command", "hourly"])
def test_cancel_in_doubt_of_a_paid_intent_is_settled_by_a_later_lookup(clinic, valkey, how):
    """Given a cancel whose answer was lost, a customer who paid first, and a Stripe that does not
    answer just then, then a later look refuses the effect, and no operator has to settle it.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.fault("refuse", "POST", f"/v1/payment_intents/{intent_id}/cancel")
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 9",
    )
    given.worked(valkey.client())
    pay_in_browser(clinic, intent_id)
    for event in clinic.stripe.events():
        given.received(event)
    clinic.stripe.fault("refuse", "GET", f"/v1/payment_intents/{intent_id}")
    tasks(clinic, valkey.client())
    clinic.stripe.forgive()
    effect = Effect.get(Effect.kind == "intent_cancel")
    assert (effect.state, PaymentAttempt.get().state) == ("unknown", "closed")
    if how == "hourly":
        looked_at(valkey.client())
    else:
        said = run("effects", "reconcile", effect.id)
        assert (said.exit_code, "has succeeded" in said.output) == (0, True)
    assert (Effect.get_by_id(effect.id).state, clinic.now.overpaid) == ("refused", 5_000)


def test_phone_charge_after_a_browser_payment_succeeds_without_charging(clinic):
    intent_id = clinic.intent().json["paymentIntentId"]
    pay_in_browser(clinic, intent_id)
    answer = clinic.phone()
    assert (answer.status_code, answer.json["success"], answer.json["payment"]["amount"]) == (
        200,
        True,
        12_500,
    ), answer.text
    assert (clinic.stripe.received(clinic.invoice.id), clinic.now.status) == (12_500, "paid")
    assert PaymentConfirmation.get().state == "settled"


def test_phone_charge_of_another_amount_after_a_browser_payment_is_refused(clinic):
    pay_in_browser(clinic, clinic.intent().json["paymentIntentId"])
    answer = clinic.phone(amount=5_000)
    assert (answer.status_code, answer.json["code"]) == (409, "invoice_already_paid"), answer.text
    assert (clinic.stripe.received(clinic.invoice.id), clinic.now.amount_paid) == (12_500, 12_500)


def test_payment_tries_first_seen_by_a_lookup_are_audited(clinic):
    intent_id = clinic.intent().json["paymentIntentId"]
    with pytest.raises(CardError):
        pay_in_browser(clinic, intent_id, "pm_card_chargeDeclined")
    clinic.confirm(intent_id)
    pay_in_browser(clinic, intent_id)
    assert clinic.confirm(intent_id).json["success"]
    found = (
        AuditEntry.select()
        .where(AuditEntry.action.in_(("payment.failed", "payment.succeeded")))
        .order_by(AuditEntry.id)
    )
    assert [(entry.action, entry.actor.partition(":")[0]) for entry in found] == [
        ("payment.failed", "key"),
        ("payment.succeeded", "key"),
    ]


def test_decline_found_by_a_lookup_comes_with_advice(clinic):
    intent_id = clinic.intent().json["paymentIntentId"]
    with pytest.raises(CardError):
        pay_in_browser(clinic, intent_id, "pm_card_chargeDeclinedInsufficientFunds")
    answer = clinic.confirm(intent_id)
    assert (answer.status_code, answer.json["code"], answer.json["declineCode"]) == (
        402,
        "card_declined",
        "insufficient_funds",
    )
    assert "funds" in answer.json["advice"]


@pytest.mark.parametrize("who", ["browser", "backend"])
def test_card_that_needs_3ds_answers_requires_action_with_the_secret(clinic, who):
    """Given a card that needs 3-D Secure, then the answer says so, with the secret that the
    customer's page needs to go on.
    """
    made = clinic.intent().json
    if who == "browser":
        pay_in_browser(clinic, made["paymentIntentId"], "pm_card_threeDSecure2Required")
        answer = clinic.confirm(made["paymentIntentId"])
    else:
        answer = clinic.confirm(
            made["paymentIntentId"], paymentMethodId="pm_card_threeDSecure2Required", key="k"
        )
    assert (answer.status_code, answer.json["success"], answer.json["status"]) == (
        200,
        False,
        "requires_action",
    )
    assert answer.json["clientSecret"] == made["clientSecret"]
    clinic.stripe.control(f"stripe/{made['paymentIntentId']}/authenticate")
    again = clinic.confirm(
        made["paymentIntentId"],
        **(
            {"paymentMethodId": "pm_card_threeDSecure2Required", "key": "k"}
            if who == "backend"
            else {}
        ),
    )
    assert (again.json["success"], again.json["status"]) == (True, "succeeded")
    assert "clientSecret" not in again.json


@pytest.mark.parametrize("how", ["unknown", "deleted"])
def test_customer_unknown_to_stripe_has_no_saved_card_to_charge(clinic, valkey, how):
    """Given a wrong stripeCustomerId, then the saved card is not charged, and other ways to pay
    still work.
    """
    stranger = "cus_unheard_of"
    if how == "deleted":
        stranger = clinic.stripe.sdk.customers.create({"name": "Ada"}).id
        clinic.stripe.sdk.customers.delete(stranger)
    Customer.update(stripe_customer_id=stranger).execute()
    answer = clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True)
    if answer.status_code == 202:  # the intent could not be made for that customer either
        given.retried(valkey.client(), rounds=12)
    assert PaymentConfirmation.select().where(PaymentConfirmation.state == "requested").count() == 0
    Customer.update(stripe_customer_id=None).execute()
    assert clinic.phone().json["success"]


def test_another_clinics_saved_card_is_not_charged(clinic):
    """Given a binding to another clinic's Stripe customer, from before bindings were checked, then
    the charge checks it and is refused.
    """
    theirs = clinic.stripe.sdk.customers.create(
        {"name": "Patient of B", "metadata": {"account_id": given.an_account().id}}
    )
    clinic.stripe.sdk.payment_methods.attach("pm_card_visa", {"customer": theirs.id})
    Customer.update(stripe_customer_id=theirs.id).execute()
    answer = clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True)
    assert (answer.status_code, answer.json["code"]) == (409, "no_saved_card"), answer.text
    assert clinic.stripe.received(clinic.invoice.id) == 0


def test_unsent_charge_expires_even_if_stripe_refuses_every_request(clinic, valkey):
    """Given Stripe refusing everything before anything was sent, when it is too late to charge,
    then the charge is withdrawn without asking Stripe.
    """
    customer = clinic.stripe.sdk.customers.create(
        {"name": "Ada", "metadata": {"account_id": clinic.account.id}}
    )
    Customer.update(stripe_customer_id=customer.id).execute()
    clinic.intent()
    clinic.stripe.fault("forbidden_403", "*", "*", times=1000)
    assert clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True).status_code == 202
    PaymentConfirmation.update(created_at=real_now() - timedelta(minutes=11)).execute()
    given.retried(valkey.client(), rounds=1)
    assert (PaymentConfirmation.get().state, PaymentConfirmation.get().refusal) == (
        "refused",
        "too_late",
    )


def test_outdated_decision_to_charge_sends_nothing(clinic):
    """Given a decision to charge that is older than a few seconds, then it must be made again
    before anything is sent.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    with transaction():
        effect = reserve(
            INTENT_CONFIRM,
            "cnf_x",
            {"intent": intent_id, "confirm": {}},
            clinic.invoice,
            "",
            "key:1",
            "phone payment",
        )
    with pytest.raises(NotYet):
        perform(effect, decided_at=real_now() - timedelta(seconds=20))
    assert (confirmed_charges(clinic), Effect.get_by_id(effect.id).sent_at) == (0, None)


def test_receipt_goes_to_the_address_given_last(clinic):
    first = clinic.intent(receiptEmail="ada@example.org").json["paymentIntentId"]
    assert clinic.intent().json["paymentIntentId"] == first
    assert clinic.stripe.sdk.payment_intents.retrieve(first).receipt_email == "ada@example.org"
    assert clinic.intent(receiptEmail="grace@example.org").json["paymentIntentId"] == first
    assert clinic.stripe.sdk.payment_intents.retrieve(first).receipt_email == "grace@example.org"


def test_location_of_a_202_shows_unknown_and_later_the_outcome(clinic, valkey):
    clinic.stripe.fault("refuse", "POST", "/v1/payment_intents")
    answer = clinic.phone()
    assert answer.status_code == 202
    path = answer.headers["location"]
    early = clinic.client.simulate_get(path, headers=clinic.headers)
    assert (early.status_code, early.json["status"], early.json["amount"]) == (
        200,
        "unknown",
        12_500,
    )
    given.retried(valkey.client())
    found = clinic.client.simulate_get(path, headers=clinic.headers)
    assert (found.status_code, found.json["status"], found.json["amount"]) == (
        200,
        "succeeded",
        12_500,
    )
    stranger = given.a_key(given.an_account())
    assert clinic.client.simulate_get(path, headers=stranger).status_code == 404


def test_connecting_an_account_moves_new_intents_there_and_cancels_the_old(clinic, valkey):
    """Given an open intent on the platform, when the clinic connects its own account, then that
    intent can still be looked up and is cancelled, and the new one is in the clinic's account.
    """
    old = clinic.intent().json["paymentIntentId"]
    connected = clinic.stripe.sdk.accounts.create({"type": "standard"}).id
    clinic.account.stripe_account = connected
    clinic.account.save()
    assert clinic.confirm(old).json["status"] == "pending", (
        "the old intent is looked at where it is"
    )
    new = clinic.intent()
    given.retried(valkey.client())
    assert new.status_code == 201, new.text
    assert (
        clinic.stripe.sdk.payment_intents.retrieve(
            new.json["paymentIntentId"], None, {"stripe_account": connected}
        ).amount
        == 12_500
    )
    assert clinic.stripe.sdk.payment_intents.retrieve(old).status == "canceled"


def test_pay_page_makes_a_link_in_the_newly_connected_account(clinic, valkey):
    a_link(clinic, valkey.client())
    connected = clinic.stripe.sdk.accounts.create({"type": "standard"}).id
    clinic.account.stripe_account = connected
    clinic.account.save()
    token = PayAddress.of(clinic.invoice, business_now()).token
    answer = clinic.client.simulate_get(f"/p/{token}")
    assert (answer.status_code, PaymentLink.current(clinic.invoice).stripe_account) == (
        303,
        connected,
    )


def test_ordinary_payment_leaves_no_dead_job_and_no_effect_in_doubt(clinic, valkey):
    a_link(clinic, valkey.client())
    clinic.phone()
    tasks(clinic, valkey.client())
    assert clinic.now.status == "paid"
    assert not [effect.key for effect in Effect.select() if effect.in_doubt]
    assert {job.state for job in StagedJob.select()} == {"done"}
    assert Payment.select().where(Payment.status == "succeeded").count() == 1
