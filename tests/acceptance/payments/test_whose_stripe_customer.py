"""Whose saved card it is (F58): customers are bound only to Stripe customers of their clinic."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from actions.payments.saved_card import card_on_file
from models.invoices.customer import Customer
from tests import given


def is_ours(customer, stripe_id, stripe_account):
    """Whether the saved card would be charged."""
    return card_on_file(customer, stripe_id, stripe_account) is not None


@pytest.fixture
def town(client, stand_in):
    return TwoClinics(client, stand_in)


class TwoClinics:
    """Two clinics on the platform's Stripe account, each with a customer who has a saved card."""

    def __init__(self, client, stand_in):
        self.client, self.stand_in = client, stand_in
        self.mine, self.theirs = given.an_account(), given.an_account()
        self.key, self.operator = given.a_key(self.mine), given.a_key(None)
        self.customer = given.a_customer(self.mine)

    def at_stripe(self, account=None, where="", **metadata):
        """Create a Stripe customer with a card, whose metadata names `account`."""
        named = {"account_id": account.id} if account else {}
        options = {"stripe_account": where} if where else {}
        made = self.stand_in.sdk.customers.create(
            {"name": "Patient", "metadata": named | metadata}, options
        ).id
        self.stand_in.sdk.payment_methods.attach("pm_card_visa", {"customer": made}, options)
        return made

    def bind(self, stripe_id, customer=None, headers=None):
        path = f"/api/customers/{(customer or self.customer).id}"
        return self.client.simulate_patch(
            path, json={"stripeCustomerId": stripe_id}, headers=headers or self.key
        )

    def make(self, stripe_id, headers=None, key=None):
        repeat = {"Idempotency-Key": key} if key else {}
        body = {"name": "Grace", "stripeCustomerId": stripe_id}
        return self.client.simulate_post(
            "/api/customers", json=body, headers=(headers or self.key) | repeat
        )

    def as_operator(self, account):
        return self.operator | {"Payphone-Account": account.id}

    @property
    def row(self):
        return Customer.get_by_id(self.customer.id)


@pytest.mark.parametrize("how", ["bind", "make"])
def test_another_clinics_stripe_customer_cannot_be_bound(town, how):
    """Given clinic B's Stripe customer, when clinic A binds it, then the answer is the same as for
    one that does not exist.
    """
    theirs, nobodys = town.at_stripe(town.theirs), town.at_stripe()
    told = [getattr(town, how)(stripe_id) for stripe_id in (theirs, nobodys, "cus_doesnotexist")]
    assert [(answer.status_code, answer.json["code"]) for answer in told] == [
        (422, "stripe_customer_unknown")
    ] * 3
    assert (
        len(
            {
                answer.json["detail"].replace(stripe_id, "")
                for answer, stripe_id in zip(
                    told, (theirs, nobodys, "cus_doesnotexist"), strict=True
                )
            }
        )
        == 1
    )
    assert "cus_doesnotexist" in told[2].json["detail"]
    assert told[0].json["errors"][0]["field"] == "stripeCustomerId"
    assert Customer.select().where(Customer.stripe_customer_id.is_null(False)).count() == 0


@pytest.mark.parametrize("how", ["bind", "make"])
def test_clinics_own_stripe_customer_can_be_bound_and_unbound(town, how):
    mine = town.at_stripe(town.mine)
    answer = getattr(town, how)(mine)
    assert answer.status_code in {200, 201}, answer.text
    assert answer.json["stripeCustomerId"] == mine
    bound = Customer.get_by_id(answer.json["id"])
    assert is_ours(bound, mine, "")
    assert town.bind(None, bound).json["stripeCustomerId"] is None


def test_deleted_stripe_customer_cannot_be_bound(town):
    mine = town.at_stripe(town.mine)
    town.stand_in.sdk.customers.delete(mine)
    assert town.bind(mine).json["code"] == "stripe_customer_unknown"


def test_operator_can_bind_a_stripe_customer_without_metadata(town):
    """Given a Stripe customer from before Payphone, without metadata, when an operator binds it,
    then it is bound and can be charged.
    """
    old = town.at_stripe()
    assert town.bind(old, headers=town.as_operator(town.mine)).status_code == 200
    assert is_ours(town.row, old, "")
    assert town.bind(old).status_code == 200, "the clinic's own software may send it again"
    assert not is_ours(town.row, town.at_stripe(), ""), "another id was not vouched for"
    town.bind(None)
    assert town.bind(old).status_code == 422, "once unbound, it needs an operator again"


def test_operator_cannot_bind_a_nonexistent_stripe_customer(town):
    assert town.bind("cus_doesnotexist", headers=town.as_operator(town.mine)).status_code == 422


def test_operator_cannot_bind_a_stripe_customer_bound_in_another_account(town):
    """Given a Stripe customer bound in clinic A, when an operator binds it in B by mistake, then it
    is refused; another customer of A can share it.
    """
    old = town.at_stripe()
    town.bind(old, headers=town.as_operator(town.mine))
    other = given.a_customer(town.theirs)
    answer = town.bind(old, other, town.as_operator(town.theirs))
    assert (answer.status_code, answer.json["code"]) == (409, "already_exists")
    assert town.make(old, headers=town.as_operator(town.theirs)).status_code == 409
    assert town.make(old, headers=town.as_operator(town.mine)).status_code == 201


def test_concurrent_binds_give_the_stripe_customer_to_one_account(town):
    old = town.at_stripe()
    accounts = [town.mine, town.theirs] * 4
    customers = [given.a_customer(account) for account in accounts]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda pair: town.bind(old, pair[0], town.as_operator(pair[1])),
                zip(customers, accounts, strict=True),
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * 4
    assert (
        len({row.account_id for row in Customer.select().where(Customer.stripe_customer_id == old)})
        == 1
    )


def test_connected_clinic_can_bind_any_customer_of_its_own_account(client, stand_in):
    town, connected = TwoClinics(client, stand_in), stand_in.open_account()
    account = given.an_account(stripe_account=connected)
    customer, key = given.a_customer(account), given.a_key(account)
    here, at_platform = town.at_stripe(where=connected), town.at_stripe(account)
    assert town.bind(at_platform, customer, key).status_code == 422
    assert town.bind(here, customer, key).status_code == 200
    assert is_ours(Customer.get_by_id(customer.id), here, connected)
    assert not is_ours(Customer.get_by_id(customer.id), here, "")


def test_unproven_binding_from_before_the_check_is_not_charged(town):
    """Given a binding to another clinic's Stripe customer, from before bindings were checked, then
    it is not charged.
    """
    theirs = town.at_stripe(town.theirs)
    Customer.update(stripe_customer_id=theirs).where(Customer.id == town.customer.id).execute()
    assert not is_ours(town.row, theirs, "")


def test_stripe_outage_binds_nothing_and_a_replay_needs_no_stripe(town):
    mine = town.at_stripe(town.mine)
    assert town.make(mine, key="k1").status_code == 201
    town.stand_in.fault("refuse", "GET", "/v1/customers/*", times=2)
    again = town.make(mine, key="k1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    for answer in (town.make(mine, key="k2"), town.bind(mine)):
        assert (answer.status_code, answer.json["code"]) == (503, "provider_unavailable")
    assert town.row.stripe_customer_id is None
    assert town.make(mine, key="k2").status_code == 201


@pytest.mark.parametrize("has_card", [True, False])
def test_default_bank_account_is_not_charged_as_a_card(town, has_card):
    """Given a customer whose default payment method is a bank account, then the card on file is a
    saved card, or none.
    """
    sdk = town.stand_in.sdk
    mine = sdk.customers.create({"metadata": {"account_id": town.mine.id}}).id
    saved = ["pm_card_visa", "pm_card_mastercard"] if has_card else []
    cards = [sdk.payment_methods.attach(card, {"customer": mine}).id for card in saved]
    bank = sdk.payment_methods.attach("pm_usBankAccount", {"customer": mine}).id
    sdk.customers.update(mine, {"invoice_settings": {"default_payment_method": bank}})
    assert card_on_file(town.customer, mine, "") == (cards[-1] if has_card else None)


def test_default_card_takes_precedence_over_a_newer_one(town):
    sdk = town.stand_in.sdk
    mine = town.at_stripe(town.mine)
    default = sdk.payment_methods.list({"customer": mine, "type": "card"}).data[0].id
    sdk.customers.update(mine, {"invoice_settings": {"default_payment_method": default}})
    sdk.payment_methods.attach("pm_card_mastercard", {"customer": mine})
    assert card_on_file(town.customer, mine, "") == default
