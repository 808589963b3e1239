"""The setup fee (F92, F94): charged once, before anything is bought; declined cards, banks that
want their cardholder, and refunds when the rest of the deployment fails.
"""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from actions.deployment.card.record_fee_event import Fee, record_fee_event
from bin.commands.checks.money import check_fees
from bin.commands.program import payphone
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.effects.effect import Effect
from models.effects.pause_switch import PauseSwitch
from providers.twilio.numbers import search_numbers
from runtime.clock import real_now
from runtime.settings import get_settings
from sandbox.stripe import payment_intents, payment_methods, payments
from sandbox.stripe.test_cards import BY_ID
from tests import given
from tests.stories.deploying import Deploying, states
from tests.stories.saving import Saver

pytestmark = pytest.mark.slow  # nearly every test goes live first

FEE = 9_900
CHARGE_FAILED = "Failed to purchase phone number. Please verify your payment method."


class Payer:
    """A clinic that pays a setup fee with a card at Stripe's stand-in."""

    def __init__(self, client, redis, twilio, voice):
        self.clinic = Deploying(client, redis, twilio, voice).configures()
        self.stripe = twilio.stand_in
        self.saver = Saver(client, self.stripe, redis, self.clinic.account)
        self.sdk = self.stripe.sdk

    def deploys(self, **more):
        """Deploy, run it as far as it gets by itself, and return it."""
        answer = self.clinic.deploys(cost=FEE, **more)
        assert answer.status_code == 202, answer.text
        self.clinic.works(4)
        return self.shown(answer.json["id"])

    def shown(self, deployment_id):
        return self.clinic.shown(deployment_id)

    def asks(self, path, deployment_id):
        return self.clinic.call("POST", f"/api/deployments/{deployment_id}/{path}")

    @property
    def intents(self):
        return self.sdk.payment_intents.list().data

    @property
    def kept(self):
        """Charges less refunds at Stripe, in minor units."""
        charges = self.sdk.charges.list().data
        return sum(one.amount - one.amount_refunded for one in charges if one.paid)

    def confirms(self, action):
        """Confirm the payment on the page, with the cardholder present."""
        intent = action.json["clientSecret"].partition("_secret_")[0]
        asked = self.sdk.payment_intents.confirm(
            intent, {"payment_method": action.json["paymentMethodId"]}
        )
        assert asked.status == "requires_action"
        self.stripe.act(intent, "authenticate")

    def a_number_that_goes(self):
        """Return a number that is for sale until it is paid for: its purchase is refused."""
        chosen = search_numbers(area_code="212", limit=1)[0].e164
        self.stripe.sandbox.inject_fault(
            kind="refused_400",
            provider="twilio",
            method="POST",
            path="/2010-04-01/Accounts/*/IncomingPhoneNumbers.json",
        )
        return chosen

    def hears(self):
        self.saver.happens()
        self.clinic.works(3)


@pytest.fixture
def payer(client, valkey, twilio_stand_in, voice, monkeypatch):
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    return Payer(client, valkey.client(), twilio_stand_in, voice)


def test_the_fee_is_charged_once_before_a_number_is_bought(payer):
    payer.saver.has_saved()
    shown = payer.deploys()
    assert shown["status"] == "live", shown
    assert payer.kept == FEE
    (intent,) = payer.intents
    step = DeploymentStep.get(DeploymentStep.name == "fee")
    assert intent.metadata.to_dict() == {
        "account_id": payer.clinic.account.id,
        "attempt_id": step.id,
        "project": "setup",
    }
    assert intent.customer == payer.saver.setup.stripe_customer_id
    assert Deployment.get().fee_intent_id == intent.id


def test_events_of_the_fee_payment_are_matched_to_the_deployment(payer):
    payer.saver.has_saved()
    payer.deploys()
    payer.hears()
    row = InboxEvent.get(InboxEvent.type == "payment_intent.succeeded")
    deployment = Deployment.get()
    assert (row.outcome, row.reason) == ("applied", f"the setup fee of deployment {deployment.id}")
    assert not InboxEvent.select().where(InboxEvent.outcome == "unmatched").exists()


def test_nothing_is_charged_when_no_fee_is_due(payer, monkeypatch):
    payer.saver.has_saved()
    monkeypatch.setenv("SETUP_FEE", "0")
    get_settings.cache_clear()
    answer = payer.clinic.deploys(cost=0)
    payer.clinic.works(4)
    shown = payer.shown(answer.json["id"])
    assert (states(shown)["fee"], states(shown)["charge"]) == ("skipped", "skipped")
    assert payer.intents == []


@pytest.mark.parametrize(
    ("fee", "why"),
    [
        ("30 usd", "0.30 USD is less than 0.50 USD"),
        ("9950 isk", "Stripe takes ISK in steps of 1"),
        ("9905 kwd", "Stripe takes KWD in steps of 0.01"),
        ("9900 zzz", "zzz is not a currency that Stripe accepts"),
    ],
)
def test_unchargeable_fee_fails_preflight_before_any_stripe_request(payer, monkeypatch, fee, why):
    payer.saver.has_saved()
    monkeypatch.setenv("SETUP_FEE", fee)
    get_settings.cache_clear()
    answer = payer.clinic.deploys(cost=int(fee.split()[0]))
    payer.clinic.works(2)
    shown = payer.shown(answer.json["id"])
    first = shown["steps"][0]
    assert (shown["status"], first["name"]) == ("failed", "preflight")
    assert why in first["error"]
    assert "change SETUP_FEE" in first["error"]
    assert (payer.intents, payer.clinic.twilio.owned()) == ([], {})


def test_card_declined_at_the_charge_buys_nothing_and_another_card_works(payer):
    """Given a card that is declined at the charge, then nothing is bought, the reason is shown, and
    another card works at once (case 2, field report 24).
    """
    payer.saver.has_saved("pm_card_chargeCustomerFail")
    shown = payer.deploys()
    assert shown["status"] == "failed"
    charge = next(step for step in shown["steps"] if step["name"] == "charge")
    assert charge["message"] == CHARGE_FAILED
    assert "declined" in charge["error"]
    assert payer.clinic.twilio.owned() == {}
    assert payer.kept == 0
    assert {one.status for one in payer.intents} == {"canceled"}
    payer.saver.has_saved()
    assert payer.deploys()["status"] == "live"
    assert payer.kept == FEE


def test_charge_error_names_insufficient_funds(payer):
    method = payer.saver.has_saved().stripe_payment_method_id
    payer.stripe.act(method, "become", card="chargeDeclinedInsufficientFunds")
    charge = next(step for step in payer.deploys()["steps"] if step["name"] == "charge")
    assert "enough funds" in charge["error"]


def test_stolen_card_is_reported_only_as_declined(payer):
    method = payer.saver.has_saved().stripe_payment_method_id
    payer.stripe.act(method, "become", card="chargeDeclinedStolenCard")
    shown = payer.deploys()
    assert "stolen" not in str(shown)
    assert Deployment.get().error_code == "card_declined"


@pytest.mark.parametrize("told", ["page", "event"])
def test_deployment_waits_for_card_authentication_and_then_goes_live(payer, told):
    """Given a card whose bank wants confirmation, then the deployment waits; once confirmed, it
    goes on when the page says so, or on Stripe's event alone (field report 25).
    """
    payer.saver.has_saved("pm_card_visa")
    method = payer.saver.setup.stripe_payment_method_id
    payer.stripe.act(method, "become", card="authenticationRequired")
    shown = payer.deploys()
    assert shown["status"] == "payment_action_required"
    assert payer.clinic.twilio.owned() == {}
    payer.hears()
    assert payer.shown(shown["id"])["status"] == "payment_action_required"
    action = payer.asks("payment-action", shown["id"])
    assert action.status_code == 200, action.text
    assert action.json["clientSecret"] not in str(list(Effect.select().dicts()))
    payer.confirms(action)
    if told == "page":
        assert payer.asks("payment-action/done", shown["id"]).status_code == 202
        payer.clinic.works(3)
    else:
        payer.hears()
    assert payer.shown(shown["id"])["status"] == "live"
    assert payer.kept == FEE
    assert payer.asks("payment-action", shown["id"]).status_code == 409


def test_browsers_claim_of_confirmation_alone_charges_nothing(payer):
    method = payer.saver.has_saved().stripe_payment_method_id
    payer.stripe.act(method, "become", card="authenticationRequired")
    shown = payer.deploys()
    for _ in range(3):
        payer.asks("payment-action/done", shown["id"])
        payer.clinic.works(2)
    assert payer.shown(shown["id"])["status"] == "payment_action_required"
    assert payer.kept == 0
    assert len(payer.stripe.requests(f"/v1/payment_intents/{payer.intents[0].id}/confirm")) == 1


@pytest.mark.parametrize("comes_to", ["succeed", "fail"])
def test_processing_payment_buys_nothing_until_it_succeeds(payer, monkeypatch, comes_to):
    """Given a confirmation that Stripe answers with `processing`, then nothing is bought until the
    payment succeeds; if it fails, nothing is bought at all, and another card works.
    """
    payer.saver.has_saved()
    with monkeypatch.context() as slow:
        slow.setattr(payment_methods, "behaviour", lambda *_: BY_ID["pm_usBankAccount"])
        shown = payer.deploys()
    assert (shown["status"], states(shown)["charge"]) == ("running", "running"), shown
    assert payer.clinic.twilio.owned() == {}
    payer.stripe.act(payer.intents[0].id, comes_to)
    payer.clinic.works(4)
    shown = payer.shown(shown["id"])
    assert shown["status"] == {"succeed": "live", "fail": "failed"}[comes_to], shown
    assert payer.kept == {"succeed": FEE, "fail": 0}[comes_to]
    assert len(payer.clinic.twilio.owned()) == (comes_to == "succeed")
    if comes_to == "fail":
        payer.saver.has_saved()
        assert payer.deploys()["status"] == "live"
        assert payer.kept == FEE


def test_deployment_waits_when_stripe_answers_requires_action(payer, monkeypatch):
    """Given a Stripe that answers an off-session confirmation with `requires_action`, then the
    deployment waits for the cardholder.
    """
    monkeypatch.setattr(payment_intents, "_terms", lambda _params: payments.Terms())
    method = payer.saver.has_saved().stripe_payment_method_id
    payer.stripe.act(method, "become", card="authenticationRequired")
    shown = payer.deploys()
    assert payer.intents[0].status == "requires_action"
    assert shown["status"] == "payment_action_required", shown
    assert payer.clinic.twilio.owned() == {}
    payer.stripe.act(payer.intents[0].id, "authenticate")
    payer.hears()
    assert payer.shown(shown["id"])["status"] == "live"
    assert payer.kept == FEE


def test_saving_another_card_replaces_a_pending_authentication(payer):
    method = payer.saver.has_saved().stripe_payment_method_id
    payer.stripe.act(method, "become", card="authenticationRequired")
    shown = payer.deploys()
    payer.saver.has_saved("pm_card_mastercard")
    payer.asks("payment-action/done", shown["id"])
    payer.clinic.works(3)
    assert payer.shown(shown["id"])["status"] == "live"
    assert payer.kept == FEE


def test_payment_confirmed_during_a_rollback_is_refunded(payer):
    """Given a cardholder who pays while the deployment is rolled back, then the payment is
    refunded.
    """
    method = payer.saver.has_saved().stripe_payment_method_id
    payer.stripe.act(method, "become", card="authenticationRequired")
    shown = payer.deploys()
    payer.confirms(payer.asks("payment-action", shown["id"]))
    assert payer.asks("rollback", shown["id"]).status_code == 202
    payer.clinic.works(4)
    shown = payer.shown(shown["id"])
    assert (shown["status"], shown["message"]) == ("failed", "Deployment was rolled back.")
    assert payer.kept == 0
    payer.hears()
    assert not InboxEvent.select().where(InboxEvent.outcome == "unmatched").exists()


def test_fee_is_refunded_when_the_rest_of_the_deployment_fails(payer):
    payer.saver.has_saved()
    shown = payer.deploys(phoneNumber=payer.a_number_that_goes())
    assert shown["status"] == "rolled_back"
    assert states(shown)["charge"] == "undone"
    assert payer.kept == 0
    (refund,) = payer.sdk.refunds.list().data
    charge = DeploymentStep.get(DeploymentStep.name == "charge")
    assert refund.metadata["attempt_id"] == charge.id


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["timeout_after", "error_500_after", "timeout_before"])
@pytest.mark.parametrize("what", ["create", "confirm"])
def test_lost_stripe_response_charges_the_fee_once(payer, kind, what):
    payer.saver.has_saved()
    path = "/v1/payment_intents" if what == "create" else "/v1/payment_intents/*/confirm"
    payer.stripe.fault(kind, "POST", path, seconds=2)
    answer = payer.clinic.deploys(cost=FEE)
    payer.clinic.works(6)
    assert payer.shown(answer.json["id"])["status"] == "live"
    assert (payer.kept, len(payer.intents)) == (FEE, 1)


def test_lost_response_to_a_refund_refunds_once(payer):
    payer.saver.has_saved()
    payer.stripe.fault("timeout_after", "POST", "/v1/refunds", seconds=2)
    answer = payer.clinic.deploys(cost=FEE, phoneNumber=payer.a_number_that_goes())
    payer.clinic.works(7)
    assert payer.shown(answer.json["id"])["status"] == "rolled_back"
    assert (payer.kept, len(payer.sdk.refunds.list().data)) == (0, 1)


def test_fee_refunded_by_hand_completes_the_rollback(payer):
    """Given a refund that Stripe kept throttling and an operator made by hand, then the existing
    refund is found and counts.
    """
    payer.saver.has_saved()
    payer.stripe.fault("rate_limit_429", "POST", "/v1/refunds", times=50)
    answer = payer.clinic.deploys(cost=FEE, phoneNumber=payer.a_number_that_goes())
    payer.clinic.works(4)
    assert payer.kept == FEE
    payer.stripe.forgive()
    payer.sdk.refunds.create({"payment_intent": payer.intents[0].id})
    payer.clinic.works(4)
    assert payer.shown(answer.json["id"])["status"] == "rolled_back"
    assert (payer.kept, len(payer.sdk.refunds.list().data)) == (0, 1)


def test_fee_charge_waits_while_charges_are_paused(payer):
    payer.saver.has_saved()
    PauseSwitch.set(payer.clinic.account.id, "charges", True, "cli:test", "a test")
    shown = payer.deploys()
    assert (shown["status"], payer.kept) == ("running", 0)
    PauseSwitch.set(payer.clinic.account.id, "charges", False, "cli:test", "a test")
    payer.clinic.works(4)
    assert payer.shown(shown["id"])["status"] == "live"


@pytest.fixture
def turned_away(payer):
    """A deployment whose charge has been decided, and turned away by Stripe since."""
    payer.saver.has_saved()
    payer.stripe.fault("rate_limit_429", "POST", "/v1/payment_intents/*/confirm", times=50)
    shown = payer.deploys()
    assert Effect.get(Effect.kind == "fee_confirm").state == "sending"
    return shown


def test_a_fee_that_stripe_turned_away_waits_while_charges_are_paused(payer, turned_away):
    """Given a charge that Stripe turns away for a while, when charges are paused, then the card is
    charged only once they resume.
    """
    PauseSwitch.set(payer.clinic.account.id, "charges", True, "cli:test", "a test")
    payer.stripe.forgive()
    payer.clinic.works(4)
    assert (payer.shown(turned_away["id"])["status"], payer.kept) == ("running", 0)
    PauseSwitch.set(payer.clinic.account.id, "charges", False, "cli:test", "a test")
    payer.clinic.works(4)
    assert (payer.shown(turned_away["id"])["status"], payer.kept) == ("live", FEE)


def test_a_fee_that_stripe_turned_away_for_too_long_is_not_charged_late(payer, turned_away):
    """Given a charge that Stripe turned away until its deadline, then the card is not charged any
    more, and the payment is closed.
    """
    Effect.update(deadline=real_now()).where(Effect.kind == "fee_confirm").execute()
    payer.stripe.forgive()
    payer.clinic.works(4)
    shown = payer.shown(turned_away["id"])
    assert (shown["status"], payer.kept) == ("failed", 0), shown
    assert "is not made late" in Deployment.get().error
    assert [one.status for one in payer.intents] == ["canceled"]


def test_a_fee_whose_answer_was_lost_is_found_after_its_deadline(payer):
    """Given a charge that was made, and whose answer was lost until its deadline, then it counts,
    and the deployment goes on.
    """
    payer.saver.has_saved()
    confirm = "/v1/payment_intents/*/confirm"
    payer.stripe.fault("timeout_after", "POST", confirm, seconds=2)
    payer.stripe.fault("rate_limit_429", "POST", confirm, times=50)
    shown = payer.deploys()
    assert (Effect.get(Effect.kind == "fee_confirm").state, payer.kept) == ("unknown", FEE)
    Effect.update(deadline=real_now()).where(Effect.kind == "fee_confirm").execute()
    payer.clinic.works(4)
    assert (payer.shown(shown["id"])["status"], payer.kept) == ("live", FEE)


def test_card_removed_after_deploy_is_not_charged(payer):
    payer.saver.has_saved()
    answer = payer.clinic.deploys(cost=FEE)
    payer.sdk.payment_methods.detach(payer.saver.setup.stripe_payment_method_id)
    payer.stripe.deliver(payer.clinic.client)
    given.worked(payer.clinic.redis, "webhooks")
    payer.clinic.works(4)
    shown = payer.shown(answer.json["id"])
    assert shown["status"] == "failed"
    assert Deployment.get().error_code == "payment_method_required"
    assert payer.intents == []


def test_a_disputed_fee_is_shown_to_operators(payer):
    payer.saver.has_saved("pm_card_createDispute")
    payer.deploys()
    payer.hears()
    entry = AuditEntry.get(AuditEntry.action == "deployment.fee_disputed")
    assert (entry.account_id, entry.detail["amount"]) == (payer.clinic.account.id, FEE)
    (finding,) = check_fees()
    assert (finding.level, finding.found) == ("warn", "disputed 1")
    assert not InboxEvent.select().where(InboxEvent.outcome == "unmatched").exists()


def test_failed_fee_refund_is_left_for_an_operator_to_settle(payer):
    payer.saver.has_saved("pm_card_refundFail")
    payer.deploys(phoneNumber=payer.a_number_that_goes())
    (refund,) = payer.sdk.refunds.list().data
    if payer.sdk.refunds.retrieve(refund.id).status != "failed":
        payer.stripe.act(refund.id, "fail")
    payer.hears()
    charge = DeploymentStep.get(DeploymentStep.name == "charge")
    assert (charge.state, charge.error_code) == ("undo_failed", "refund_failed")
    (finding,) = check_fees()
    assert (finding.level, finding.found) == ("warn", "not refunded 1")
    asked = ["deployments", "settle", charge.deployment_id, "charge", "--why", "by cheque 17"]
    answer = CliRunner().invoke(payphone, asked)
    assert answer.exit_code == 0, answer.output
    (finding,) = check_fees()
    assert (finding.level, finding.found) == ("ok", "none")
    fee = Fee(charge.deployment_id, payer.clinic.account.id, "the setup fee")
    record_fee_event(fee, [{"object": "refund", "id": refund.id, "status": "failed"}])
    assert DeploymentStep.get_by_id(charge.id).state == "undone"
    entry = AuditEntry.get(AuditEntry.action == "deployment.undo_settled")
    assert entry.detail["why"] == "by cheque 17"
    assert CliRunner().invoke(payphone, asked).exit_code == 1


def says(payer, status):
    """Set the status of the one refund at Stripe, and return the refund."""
    with payer.stripe.sandbox.shared.lock:
        (refund,) = payer.stripe.sandbox.stripe.platform.tables["refund"].values()
        refund["status"] = status
        return dict(refund)


def charge_step():
    row = DeploymentStep.get(DeploymentStep.name == "charge")
    return row.state, row.error_code


@pytest.mark.parametrize("told", ["on_a_detour", None])
def test_refund_event_with_an_unknown_status_is_polled_until_it_is_known(payer, told):
    """Given an event with an unknown or missing refund status, then Stripe is polled, and once the
    refund has failed, an operator has to settle it.
    """
    payer.saver.has_saved()
    payer.deploys(phoneNumber=payer.a_number_that_goes())
    payer.hears()
    refund = says(payer, told or "pending")
    given.received(given.an_event("refund.updated", refund | {"status": told}))
    given.worked(payer.clinic.redis, "webhooks")
    assert charge_step() == ("undone", "")
    says(payer, "failed")
    given.retried(payer.clinic.redis, rounds=2)
    assert charge_step() == ("undo_failed", "refund_failed")


def test_refund_found_in_an_unknown_status_is_polled_until_it_fails(payer):
    """Given a refund whose answer was lost and which is then found in an unknown status, then
    Stripe is polled until it has failed.
    """
    payer.saver.has_saved()
    payer.stripe.fault("timeout_after", "POST", "/v1/refunds", seconds=2)
    payer.clinic.deploys(cost=FEE, phoneNumber=payer.a_number_that_goes())
    for _ in range(40):
        if payer.sdk.refunds.list().data:
            break
        payer.clinic.works(1)
        given.make_due()
        given.relayed(payer.clinic.redis)
    assert payer.sdk.refunds.list().data
    says(payer, "on_a_detour")
    payer.stripe.forget_keys()  # otherwise Stripe would replay its first answer
    payer.clinic.works(6)
    assert charge_step() == ("undone", "")
    says(payer, "failed")
    given.retried(payer.clinic.redis, rounds=2)
    assert charge_step() == ("undo_failed", "refund_failed")


def test_another_accounts_deployment_is_not_found(payer):
    method = payer.saver.has_saved().stripe_payment_method_id
    payer.stripe.act(method, "become", card="authenticationRequired")
    shown = payer.deploys()
    stranger = given.a_key(given.an_account())
    for path in ("payment-action", "payment-action/done"):
        answer = payer.clinic.client.simulate_post(
            f"/api/deployments/{shown['id']}/{path}", headers=stranger
        )
        assert answer.status_code == 404


def test_restored_database_does_not_charge_the_fee_again(payer):
    """Given a backup from before the fee was prepared, when the deployment resumes from it, then
    the existing payment is found at Stripe and counts.
    """
    payer.saver.has_saved()
    begun = payer.deploys()
    Effect.delete().where(Effect.kind.in_(["fee_create", "fee_confirm"])).execute()
    DeploymentStep.update(state="waiting", made={}).where(
        DeploymentStep.name.in_(["fee", "charge"])
    ).execute()
    Deployment.update(
        status="running", fee_intent_id=None, created_at=real_now() - timedelta(hours=1)
    ).execute()
    step = DeploymentStep.get(DeploymentStep.name == "fee")
    StagedJob.update(state="waiting", due_at=0, attempts=0).where(
        StagedJob.name == "deploy_account", StagedJob.key == step.id
    ).execute()
    given.relayed(payer.clinic.redis)
    payer.clinic.works(4)
    assert (len(payer.intents), payer.kept) == (1, FEE)
    assert Deployment.get().fee_intent_id == payer.intents[0].id
    assert payer.shown(begun["id"])["status"] == "live"
