"""A clinic saves a card before going live (F73, F86): it is verified once Stripe confirms it,
whether the browser or the event comes first; a failing card says why; and the forms per hour are
limited.
"""

from datetime import timedelta

import pytest
from structlog.testing import CapturingLogger

from actions.deployment.card import open_setup, save_card
from models.accounts.audit_entry import AuditEntry
from models.delivery.idempotency_key import IdempotencyKey
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from models.effects.effect import Effect
from runtime.clock import real_now
from tests import given
from tests.stories.saving import Saver
from web.deployment.payment_method import FORM_GONE


@pytest.fixture
def saver(client, valkey, stand_in):
    return Saver(client, stand_in, valkey.client())


def test_a_card_is_saved_and_verified(saver, monkeypatch):
    opened = saver.opens()
    assert opened.status_code == 201
    saver.enters(opened)
    told = CapturingLogger()
    monkeypatch.setattr(save_card, "log", told)
    answer = saver.saves(opened)
    assert saver.saves(opened).json == answer.json
    assert answer.status_code == 200, answer.text
    assert answer.json["paymentMethodVerified"]
    assert (answer.json["card"]["brand"], answer.json["card"]["last4"]) == ("visa", "4242")
    setup = saver.setup
    assert setup.may_pay
    assert setup.stripe_payment_method_id == answer.json["stripePaymentMethodId"]
    assert setup.payment_method_verified_at == setup.first_verified_at is not None
    shown = {"brand": "visa", "last4": "4242", "expMonth": 12, "expYear": 2034}
    assert setup.card == shown | {"mode": "test"}
    assert [call.args for call in told.calls] == [("[Payment] Payment method saved successfully",)]


def test_form_unknown_to_stripe_asks_the_clinic_to_open_another(saver):
    """Given a form opened with a key of the other mode, then the clinic is told to open another one
    instead of waiting for Stripe.
    """
    opened = saver.opens("k1")
    SetupAttempt.update(setup_intent_id="seti_of_test_mode").execute()
    answer = saver.saves_id("seti_of_test_mode")
    assert (answer.status_code, answer.json["detail"]) == (402, FORM_GONE)
    again = saver.opens("k1")
    assert (opened.status_code, again.status_code) == (201, 422)
    assert (again.json["code"], again.json["detail"]) == ("payment_refused", FORM_GONE)
    assert saver.opens("k2").status_code == 201


def test_setup_intent_and_customer_carry_our_metadata(saver):
    saver.opens()
    (intent,) = saver.stripe.sdk.setup_intents.list().data
    (customer,) = saver.stripe.sdk.customers.list().data
    attempt = SetupAttempt.get()
    for made in (intent, customer):
        assert made.metadata.to_dict() == {
            "account_id": saver.account.id,
            "attempt_id": attempt.id,
            "project": "setup",
        }
    assert (intent.customer, intent.usage) == (customer.id, "off_session")
    (request,) = saver.stripe.requests("/v1/setup_intents")
    assert "'payment_method_types'" not in str(request)


def test_client_secret_is_not_stored_in_any_table(saver):
    secret = saver.opens(key="once").json["clientSecret"]
    for table in (Effect, SetupAttempt, IdempotencyKey, AuditEntry, Setup):
        for row in table.select().dicts():
            assert secret not in str(row)


def test_repeated_request_opens_the_same_form(saver):
    first, again = saver.opens(key="k"), saver.opens(key="k")
    assert first.json == again.json
    assert again.headers["idempotent-replayed"] == "true"
    assert len(saver.stripe.sdk.setup_intents.list().data) == 1


def test_lost_response_is_recovered_with_the_same_idempotency_key(saver):
    """Given a lost answer from Stripe, when the request is repeated with its key, then one customer
    and one intent exist.
    """
    saver.stripe.fault("timeout_after", "POST", "/v1/setup_intents", seconds=2)
    assert saver.opens(key="k").status_code == 503
    saver.stripe.be_patient()
    given.retried(saver.redis, rounds=1)
    assert saver.opens(key="k").status_code == 201
    assert len(saver.stripe.sdk.setup_intents.list().data) == 1
    assert len(saver.stripe.sdk.customers.list().data) == 1


def test_second_form_uses_the_same_stripe_customer(saver):
    saver.opens()
    saver.opens()
    customers = {one.customer for one in saver.stripe.sdk.setup_intents.list().data}
    assert customers == {saver.setup.stripe_customer_id}


@pytest.mark.parametrize(
    ("card", "code", "word"),
    [
        ("pm_card_chargeDeclined", "generic_decline", "declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired"),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", "declined"),
    ],
)
def test_declined_card_gives_the_reason_and_another_card_works(saver, card, code, word):
    opened = saver.opens()
    saver.enters(opened, card)
    answer = saver.saves(opened)
    assert (answer.status_code, answer.json["code"]) == (402, "card_declined")
    assert answer.json["declineCode"] == code
    assert word in answer.json["advice"]
    assert not saver.setup.may_pay
    saver.enters(opened)
    assert saver.saves(opened).status_code == 200
    assert saver.setup.may_pay


def test_empty_form_saves_no_card(saver):
    answer = saver.saves(saver.opens())
    assert (answer.status_code, answer.json["code"]) == (402, "payment_method_required")
    assert "No card has been entered" in answer.json["detail"]


def test_card_that_needs_authentication_is_saved_once_authenticated(saver):
    opened = saver.opens()
    saver.enters(opened, "pm_card_authenticationRequired")
    answer = saver.saves(opened)
    assert (answer.status_code, answer.json["declineCode"]) == (402, "authentication_required")
    saver.stripe.act(opened.json["setupIntentId"], "authenticate")
    assert saver.saves(opened).status_code == 200


def test_failed_authentication_is_reported_with_advice(saver):
    opened = saver.opens()
    saver.enters(opened, "pm_card_authenticationRequired")
    saver.stripe.act(opened.json["setupIntentId"], "fail_authentication")
    answer = saver.saves(opened)
    assert (answer.status_code, answer.json["declineCode"]) == (
        402,
        "setup_intent_authentication_failure",
    )
    assert "cardholder" in answer.json["advice"]


def test_setup_intent_of_another_account_is_not_found(saver):
    """Ownership is decided by our row, not by the request or the intent's metadata."""
    other = Saver(saver.client, saver.stripe, saver.redis)
    opened = other.opens()
    other.enters(opened)
    assert saver.saves(opened).status_code == 404
    made = saver.stripe.sdk.setup_intents.create(
        {"metadata": {"account_id": saver.account.id, "attempt_id": "set_x"}}
    )
    assert saver.saves_id(made.id).status_code == 404
    assert saver.opens(headers=other.headers).status_code == 404


def test_webhook_event_alone_saves_the_card_once(saver):
    """Given a closed browser, when the event arrives, even twice, then the card is saved once."""
    saver.enters(saver.opens())
    saver.stripe.deliver(saver.client, saver.redis)
    saved = saver.setup
    assert saved.may_pay
    for event in saver.stripe.events():
        given.received(event | {"id": f"{event['id']}_again"})
    given.worked(saver.redis)
    assert saver.setup.payment_method_verified_at == saved.payment_method_verified_at
    assert AuditEntry.select().where(AuditEntry.action == "payment_method.saved").count() == 1


def test_event_finds_the_attempt_by_metadata_when_the_intent_id_is_unknown(saver):
    """Given a lost answer from Stripe, when a card is entered in the form, then the event finds the
    attempt by our metadata.
    """
    saver.stripe.fault("timeout_after", "POST", "/v1/setup_intents", seconds=2)
    saver.opens()
    saver.stripe.be_patient()
    (intent,) = saver.stripe.sdk.setup_intents.list().data
    saver.stripe.sdk.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    saver.stripe.deliver(saver.client)
    given.relayed(saver.redis)
    given.worked(saver.redis)
    assert saver.setup.may_pay
    given.retried(saver.redis, rounds=1)
    assert SetupAttempt.get().state == "succeeded"
    assert {effect.state for effect in Effect.select()} == {"confirmed"}


def test_card_of_the_later_form_wins_whichever_is_saved_first(saver):
    first, second = saver.opens(), saver.opens()
    saver.enters(second, "pm_card_mastercard")
    assert saver.saves(second).json["card"]["brand"] == "mastercard"
    saver.enters(first)
    assert saver.saves(first).status_code == 200
    assert saver.setup.card["brand"] == "mastercard"
    saver.stripe.deliver(saver.client, saver.redis)
    assert saver.setup.card["brand"] == "mastercard"


def test_late_failure_event_does_not_withdraw_a_saved_card(saver):
    opened = saver.opens()
    saver.enters(opened, "pm_card_chargeDeclined")
    saver.enters(opened)
    events = {event["type"]: event for event in saver.stripe.events()}
    for kind in ("setup_intent.succeeded", "setup_intent.setup_failed"):
        given.received(events[kind])
        given.worked(saver.redis)
    assert saver.setup.may_pay
    assert SetupAttempt.get().state == "succeeded"


def test_hourly_form_limit_per_account_survives_the_loss_of_redis(saver):
    """Given as many forms as an hour allows, when Redis has lost everything, then the next one is
    still refused; another account, and the next hour, are free (field report 27).
    """
    for number in range(open_setup.PER_HOUR):
        assert saver.opens(key=f"k{number}").status_code == 201
    assert saver.opens(key="k0").status_code == 201, "a repetition opens nothing"
    saver.redis.flushall()
    refused = saver.opens()
    assert (refused.status_code, refused.json["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert Saver(saver.client, saver.stripe, saver.redis).opens().status_code == 201
    SetupAttempt.update(created_at=real_now() - timedelta(minutes=61)).execute()
    assert saver.opens().status_code == 201


def test_customer_deleted_at_stripe_is_created_again(saver):
    saver.opens()
    saver.stripe.sdk.customers.delete(saver.setup.stripe_customer_id)
    assert saver.opens().status_code == 422
    opened = saver.opens()
    assert opened.status_code == 201
    saver.enters(opened)
    assert saver.saves(opened).status_code == 200


def test_stripe_outage_while_saving_answers_503_and_a_retry_works(saver):
    opened = saver.opens()
    saver.enters(opened)
    path = f"/v1/setup_intents/{opened.json['setupIntentId']}"
    saver.stripe.fault("error_500", "GET", path)
    assert saver.saves(opened).status_code == 503
    assert saver.saves(opened).status_code == 200


def test_events_of_the_other_mode_and_of_connected_accounts_change_nothing(saver):
    saver.enters(saver.opens())
    (event,) = (one for one in saver.stripe.events() if one["type"] == "setup_intent.succeeded")
    given.received(event | {"livemode": True})
    given.received(event | {"id": "evt_connect", "account": "acct_clinic"})
    given.worked(saver.redis)
    assert not saver.setup.may_pay
