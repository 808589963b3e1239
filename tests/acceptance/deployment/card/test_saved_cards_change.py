"""What happens to a clinic's saved card later: it is removed, renewed or expires, or its Stripe
customer is deleted; Stripe's events report it twice, late and in any order.
"""

import sys
from itertools import permutations

import pytest

from actions.deployment.card import read_card_event
from actions.deployment.card.payment_required import why_card_not_chargeable
from actions.deployment.card.refresh_card import no_update, refresh_card
from bin.commands.checks.money import check_cards
from delivery.worker import AT_ONCE, SHARE, Worker
from jobs.refresh_expired_cards import refresh_expired_cards
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from providers.errors import ProviderError
from rules.deployment.cards import EXPIRED, FORGOTTEN, OTHER_MODE, REMOVED, good_until
from runtime.clock import business_now, move_business_time
from runtime.settings import get_settings
from tests import given
from tests.integration.delivery.test_jobs_in_company import stop_clock
from tests.stories.saving import Saver

MANY = (AT_ONCE + 1) * SHARE + 1  # one for the first step, and enough for a full batch


@pytest.fixture
def saver(client, valkey, stand_in):
    one = Saver(client, stand_in, valkey.client())
    one.has_saved()
    one.happens()
    yield one
    move_business_time(None)


def outcomes(saver, kind):
    rows = InboxEvent.select().where(InboxEvent.type == kind).order_by(InboxEvent.id)
    return [(row.outcome, row.reason) for row in rows]


def told(saver, events):
    """Receive Stripe's events in this order, the whole series twice."""
    for number, event in enumerate([*events, *events]):
        given.received(event | {"id": f"{event['id']}_{number}"})
        given.worked(saver.redis)


def test_detached_card_is_no_longer_verified(saver):
    """Given a detached card, then its event, in which `customer` is already null, withdraws the
    verification (field report 26).
    """
    saver.stripe.sdk.payment_methods.detach(saver.setup.stripe_payment_method_id)
    saver.happens()
    setup = saver.setup
    assert not setup.may_pay
    assert (setup.payment_method_verified, setup.payment_method_verified_at) == (False, None)
    assert setup.card_problem == REMOVED
    assert setup.first_verified_at is not None
    assert outcomes(saver, "payment_method.detached") == [
        ("applied", f"the card of account {saver.account.id}")
    ]
    entry = AuditEntry.get(AuditEntry.action == "payment_method.unverified")
    assert (entry.account_id, entry.detail["why"]) == (saver.account.id, REMOVED)


@pytest.mark.parametrize("kind", ["payment_method.updated", "setup_intent.succeeded"])
def test_others_do_not_wait_while_stripe_is_asked_about_a_card(saver, monkeypatch, kind):
    """Given a batch of events, when its worker comes to one about a card of ours, then the others
    are free for other workers while Stripe is asked; one about a stranger's frees none.
    """
    running = []

    def looking(*_asked):
        running.append(given.states()["running"])
        raise ProviderError("stripe", "unknown", "no answer")

    monkeypatch.setattr(sys.modules[refresh_card.__module__], "find_card", looking)
    monkeypatch.setattr(read_card_event, "fetch_setup", looking)
    row = saver.setup
    ours = {
        "payment_method.updated": row.stripe_payment_method_id,
        "setup_intent.succeeded": SetupAttempt.get().setup_intent_id,
    }
    for number in range(MANY):
        subject = {"id": ours[kind] if number == 3 else f"stranger_{number}"}
        given.received(given.an_event(kind, subject))
    worker = Worker("webhooks", saver.redis, "test-worker", lambda _at: None)
    worker._goes_on = True
    worker._beat()
    stop_clock(monkeypatch)  # a turn is short on a busy machine
    worker._step()
    worker._step()
    assert running == [1]
    assert given.states()["waiting"] > MANY - AT_ONCE


def test_removed_card_cannot_be_restored_by_the_form_that_saved_it(saver):
    opened = saver.opens()
    saver.enters(opened)
    assert saver.saves(opened).status_code == 200
    saver.stripe.sdk.payment_methods.detach(saver.setup.stripe_payment_method_id)
    saver.happens()
    answer = saver.saves(opened)
    assert (answer.status_code, answer.json["detail"]) == (402, REMOVED)
    assert not saver.setup.may_pay


def test_another_card_can_be_saved_after_a_removal(saver):
    saver.stripe.sdk.payment_methods.detach(saver.setup.stripe_payment_method_id)
    saver.happens()
    setup = saver.has_saved("pm_card_mastercard")
    assert (setup.card["brand"], setup.card_problem, setup.may_pay) == ("mastercard", "", True)


@pytest.mark.parametrize("body", [{}, {"formerly": True}], ids=["now", "formerly"])
def test_renewed_card_is_shown_with_its_new_details(saver, body):
    """Given a renewed card, then it is shown with its new details, also if an older endpoint sends
    the event under its former name (field report 26).
    """
    method = saver.setup.stripe_payment_method_id
    saver.stripe.act(method, "renew", exp_month=3, exp_year=2040, last4="4444", **body)
    saver.happens()
    setup = saver.setup
    shown = {"brand": "visa", "last4": "4444", "expMonth": 3, "expYear": 2040}
    assert setup.card == shown | {"mode": "test"}
    assert setup.card_good_until == good_until(3, 2040)
    assert setup.may_pay


def test_renewal_and_removal_events_in_any_order_leave_the_card_unverified(saver):
    method = saver.setup.stripe_payment_method_id
    saver.stripe.act(method, "renew", exp_month=3, exp_year=2040)
    saver.stripe.sdk.payment_methods.detach(method)
    events = [
        event
        for event in saver.stripe.events()
        if event["type"] in {"payment_method.automatically_updated", "payment_method.detached"}
    ]
    for number, order in enumerate(permutations(events)):
        told(saver, [event | {"id": f"{number}{event['id']}"} for event in order])
        assert (saver.setup.may_pay, saver.setup.card_problem) == (False, REMOVED)
        Setup.update(payment_method_verified=True, card_problem="").execute()


def test_test_mode_card_cannot_pay_with_a_live_key(saver, monkeypatch):
    """Given a card saved with a test key, when the key is live, then Deploy is refused, even if it
    costs nothing; a test key makes the card valid again.
    """
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_payphone")
    get_settings.cache_clear()
    assert not saver.setup.may_pay
    home = f"/api/accounts/{saver.account.id}"
    answer = saver.post(f"{home}/deployments", confirmedCost=0)
    assert (answer.status_code, answer.json["detail"]) == (402, OTHER_MODE)
    review = saver.client.simulate_get(home, headers=saver.headers).json
    assert OTHER_MODE in review["steps"]["payment"]["message"]
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_payphone")
    get_settings.cache_clear()
    assert saver.setup.may_pay


def test_scan_stores_the_mode_of_a_card_saved_by_an_older_release(saver):
    kept = saver.setup.card
    Setup.update(card={name: kept[name] for name in kept if name != "mode"}).execute()
    refresh_expired_cards.perform()
    given.retried(saver.redis, rounds=1)
    assert saver.setup.card == kept
    assert Setup.to_check(business_now(), "", 9) == []


def without_mode(saver):
    """Remove the card's mode, as a release that did not store it left it, and return the card."""
    kept = saver.setup.card
    card = {name: kept[name] for name in kept if name != "mode"}
    Setup.update(card=card).execute()
    return card


def is_of_live_mode(saver):
    """Mark the clinic's customer and card at Stripe as live objects; our key is a test key."""
    with saver.stripe.sandbox.shared.lock:
        account = saver.stripe.sandbox.stripe.platform
        for object_id in (saver.setup.stripe_customer_id, saver.setup.stripe_payment_method_id):
            account.find(object_id)["livemode"] = True


def test_card_found_to_be_of_the_other_mode_stays_verified(saver):
    """Given a card without a stored mode, when it is checked with a key of the other mode, then its
    mode is stored, and it stays valid for a key of that mode.
    """
    card = without_mode(saver)
    is_of_live_mode(saver)
    refresh_expired_cards.perform()
    given.retried(saver.redis, rounds=1)
    setup = saver.setup
    assert setup.card == card | {"mode": "live"}
    assert (setup.payment_method_verified, setup.card_problem) == (True, "")
    assert not setup.may_pay
    assert why_card_not_chargeable(setup) == OTHER_MODE


def test_expired_card_of_the_other_mode_is_not_refreshed_with_our_key(saver):
    is_of_live_mode(saver)
    Setup.update(card=saver.setup.card | {"mode": "live"}, card_good_until=business_now()).execute()
    StagedJob.delete().execute()
    refresh_expired_cards.perform()
    assert StagedJob.select().where(StagedJob.name == "refresh_saved_card").count() == 0
    assert refresh_card(saver.account.id) is no_update
    assert (saver.setup.payment_method_verified, saver.setup.card_problem) == (True, "")


def test_opening_a_form_replaces_a_customer_and_card_of_the_other_mode(saver):
    """Given a card of the other mode, when a form is opened, then it is for a new customer of our
    mode, and the old card is dropped for good.
    """
    former = saver.setup.stripe_customer_id
    is_of_live_mode(saver)
    Setup.update(card=saver.setup.card | {"mode": "live"}).execute()
    opened = saver.opens()
    assert opened.status_code == 201, opened.text
    setup = saver.setup
    assert setup.stripe_customer_id not in {None, former}
    assert (setup.card, setup.stripe_payment_method_id, setup.may_pay) == (None, None, False)
    assert why_card_not_chargeable(setup) == OTHER_MODE
    saver.opens()
    assert saver.setup.stripe_customer_id == setup.stripe_customer_id
    assert saver.has_saved().may_pay


@pytest.mark.parametrize("elsewhere", [True, False], ids=["other mode", "deleted"])
def test_missing_stripe_customer_invalidates_the_card_and_the_next_form_works(saver, elsewhere):
    """Given a card stored as one of our mode, when opening a form shows that its customer does not
    exist, then the card becomes invalid, and the next form is for a new customer.
    """
    if elsewhere:
        is_of_live_mode(saver)
    else:
        saver.stripe.sdk.customers.delete(saver.setup.stripe_customer_id)
    assert saver.opens().status_code == 422
    setup = saver.setup
    assert (setup.stripe_customer_id, setup.may_pay) == (None, False)
    assert why_card_not_chargeable(setup) == (OTHER_MODE if elsewhere else FORGOTTEN)
    assert saver.has_saved().may_pay


def test_customer_deleted_at_stripe_invalidates_the_card(saver):
    """Given a customer deleted at Stripe, then the card becomes invalid, and saving another makes a
    new customer (field report 26).
    """
    saver.stripe.sdk.customers.delete(saver.setup.stripe_customer_id)
    saver.happens()
    setup = saver.setup
    assert (setup.may_pay, setup.card_problem, setup.stripe_customer_id) == (
        False,
        FORGOTTEN,
        None,
    )
    assert outcomes(saver, "customer.deleted")[0][0] == "applied"
    assert saver.has_saved().may_pay, "a customer is made anew"


def test_expired_card_cannot_pay_at_once_and_the_scan_records_it(saver):
    Setup.update(card_good_until=business_now()).execute()
    assert saver.setup.payment_method_verified
    assert not saver.setup.may_pay, "whoever asks sees it"
    saver.stripe.act(saver.setup.stripe_payment_method_id, "renew", exp_month=1, exp_year=2001)
    refresh_expired_cards.perform()
    given.make_due()
    given.relayed(saver.redis)
    given.worked(saver.redis)
    assert not saver.setup.payment_method_verified
    assert saver.setup.card_problem == EXPIRED


def test_scan_finds_a_renewal_that_no_event_reported(saver):
    """Given a renewal whose event never came, when the old expiry month is over, then the scan
    finds it.
    """
    saver.stripe.act(saver.setup.stripe_payment_method_id, "renew", exp_month=3, exp_year=2040)
    Setup.update(card_good_until=business_now()).execute()
    refresh_expired_cards.perform()
    given.retried(saver.redis, rounds=1)
    assert saver.setup.may_pay
    assert saver.setup.card["expYear"] == 2040


def test_expired_card_is_verified_again_once_renewed(saver):
    method = saver.setup.stripe_payment_method_id
    saver.stripe.act(method, "renew", exp_month=1, exp_year=2001)
    saver.happens()
    assert (saver.setup.may_pay, saver.setup.card_problem) == (False, EXPIRED)
    saver.stripe.act(method, "renew", exp_month=3, exp_year=2040)
    saver.happens()
    assert (saver.setup.may_pay, saver.setup.card_problem) == (True, "")


def test_event_about_a_card_of_no_clinic_is_ignored(saver):
    made = saver.stripe.sdk.customers.create({"name": "A payer"})
    card = saver.stripe.sdk.payment_methods.attach("pm_card_visa", {"customer": made.id})
    saver.stripe.sdk.payment_methods.detach(card.id)
    saver.happens()
    ((outcome, reason),) = outcomes(saver, "payment_method.detached")
    assert (outcome, reason) == ("ignored", f"{card.id} belongs to no clinic's setup")
    assert saver.setup.may_pay


def test_check_after_saving_finds_a_card_removed_meanwhile(saver):
    """Given a removal whose event came before the card was stored, then the check a minute later
    finds it.
    """
    opened = saver.opens()
    saver.enters(opened)
    assert saver.saves(opened).status_code == 200
    with_event_lost = saver.setup.stripe_payment_method_id
    saver.stripe.sdk.payment_methods.detach(with_event_lost)
    given.retried(saver.redis, rounds=1)
    assert saver.setup.card_problem == REMOVED


def test_card_shared_by_many_accounts_is_flagged_but_not_refused(saver):
    """Given one card in three accounts, then it is audited and doctor warns, but every account can
    pay with it (field report 27).
    """
    others = [Saver(saver.client, saver.stripe, saver.redis) for _ in range(2)]
    (before,) = check_cards()
    assert before.level == "ok"
    for other in others:
        assert other.has_saved().may_pay
    entry = AuditEntry.get(AuditEntry.action == "payment_method.shared")
    assert (entry.account_id, entry.detail["accounts"]) == (others[-1].account.id, 3)
    (finding,) = check_cards()
    assert finding.level == "warn"
    assert f"{saver.setup.card_fingerprint} in 3 accounts" in finding.found
