"""Repeating a request (F26): its work is neither done twice nor half answered, and work that no
worker has begun is done.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from peewee import OperationalError

from models import transactions
from models.delivery.idempotency_key import IdempotencyKey
from models.delivery.staged_job import StagedJob
from models.payments.payment_link import PaymentLink
from models.transactions import release_connection
from tests import given
from tests.running.servers import wait_for
from web.http import idempotency


def test_a_repeated_request_gets_409_until_the_first_is_answered(clinic):
    """Given a first request that waits for Stripe, when it is repeated, then the answer is 409 with
    Retry-After; once the first is answered, a repetition gets the same answer.
    """

    def first_request():
        try:
            return clinic.intent(key="k1")
        finally:
            release_connection()

    with ThreadPoolExecutor(1) as pool:
        with clinic.stripe.sandbox.shared.lock:  # Stripe takes its time
            first = pool.submit(first_request)
            wait_for(
                lambda: (
                    IdempotencyKey.select().where(IdempotencyKey.reference.is_null(False)).exists()
                ),
                "the first request has committed",
            )
            early = clinic.intent(key="k1")
            assert not first.done()
        answered = first.result()
    assert (early.status_code, early.json["code"], early.headers["retry-after"]) == (
        409,
        "idempotency_in_progress",
        "2",
    )
    assert "idempotent-replayed" not in early.headers, (
        "nothing has been answered yet that could be replayed"
    )
    assert answered.status_code == 201, answered.text
    late = clinic.intent(key="k1")
    assert (late.status_code, late.json["paymentIntentId"]) == (
        201,
        answered.json["paymentIntentId"],
    )
    assert late.headers["idempotent-replayed"] == "true"
    assert len(clinic.stripe.sdk.payment_intents.list().data) == 1


def test_a_key_that_is_deleted_during_its_repetition_is_new_again(clinic, monkeypatch):
    """Given a key that is deleted, as old ones are, just after it was found to be known, then what
    the request looks up beforehand is looked up all the same.
    """
    bound = clinic.stripe.sdk.customers.create({"metadata": {"account_id": clinic.account.id}}).id
    monkeypatch.setattr(idempotency, "_is_known", lambda _scope, _key: True)
    answer = clinic.client.simulate_post(
        "/api/customers",
        json={"name": "Ada", "stripeCustomerId": bound},
        headers=clinic.headers | {"Idempotency-Key": "old"},
    )
    assert (answer.status_code, answer.json["stripeCustomerId"]) == (201, bound), answer.text
    assert IdempotencyKey.select().count() == 1


@pytest.mark.parametrize("path", ["phone", "pay_1/refunds"])
def test_requests_that_move_money_need_an_idempotency_key(clinic, path):
    answer = clinic.client.simulate_post(
        f"/api/payments/{path}",
        json={"invoiceId": clinic.invoice.id, "paymentMethodId": "pm_card_visa"}
        if path == "phone"
        else {},
        headers=clinic.headers,
    )
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_required")
    assert IdempotencyKey.select().count() == StagedJob.select().count() == 0


def test_repeating_a_charge_with_another_key_needs_the_repeat_flag(clinic):
    """Given half an invoice charged, when the same card is charged the same amount with another
    key, then the answer is 409 unless `repeat` is set; another card or amount is another payment.
    """
    half = {"amount": 3_000}
    assert clinic.phone(**half).json["success"]
    again = clinic.phone(**half)
    assert (again.status_code, again.json["code"]) == (409, "payment_repeated")
    assert clinic.stripe.received(clinic.invoice.id) == 3_000
    assert clinic.phone("pm_card_mastercard", **half).json["success"]
    assert clinic.phone(amount=2_000).json["success"]
    assert clinic.phone(repeat=True, **half).json["success"]
    assert clinic.stripe.received(clinic.invoice.id) == 11_000


def test_a_declined_card_can_be_tried_again(clinic):
    for _ in range(2):
        assert clinic.phone("pm_card_chargeDeclined", amount=3_000).status_code == 402


def test_a_repeated_request_makes_a_charge_no_worker_has_begun(clinic, monkeypatch):
    """Given a request that died right after its commit, when it is repeated once its job is due and
    no worker has taken it, then the repetition charges.
    """
    monkeypatch.setattr(idempotency, "RUNNING", timedelta(0))

    with monkeypatch.context() as broken:
        broken.setattr("actions.payments.charge.perform_now", dies)
        first = clinic.phone(key="k1")
    assert (first.status_code, first.json["accepted"]) == (202, True)
    assert clinic.client.simulate_get(first.headers["location"], headers=clinic.headers).json[
        "status"
    ] in {"pending", "unknown"}
    assert clinic.stripe.received(clinic.invoice.id) == 0
    given.make_due()
    assert clinic.phone(key="k1").json["success"] is True
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def dies(*_args):
    raise OperationalError("the process went away")


def test_a_repeated_request_closes_the_link_and_charges(clinic, monkeypatch, valkey):
    """Given a charge that waits for busy workers to close the invoice's link, when it is repeated,
    then the repetition closes the link and charges.
    """
    monkeypatch.setattr(idempotency, "RUNNING", timedelta(0))
    monkeypatch.setattr("actions.payments.charge.LINK_PATIENCE", 0.0)
    links = f"/api/invoices/{clinic.invoice.id}/payment-links"
    clinic.client.simulate_post(links, json={}, headers=clinic.headers)
    given.worked(valkey.client(), "messages")
    assert clinic.phone(key="k1").status_code == 202
    assert PaymentLink.get().state == "retiring"
    given.make_due()
    assert clinic.phone(key="k1").json["success"] is True
    assert PaymentLink.get().state == "retired"
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_a_card_form_posted_again_charges_once(clinic, monkeypatch):
    """Given a page whose request died right after its commit, when it posts the same payment method
    again, then the card is charged, once.
    """
    form = f"/api/invoices/{clinic.invoice.id}/card-forms"
    url = clinic.client.simulate_post(form, json={}, headers=clinic.headers).json["url"]
    asked = {"paymentMethodId": "pm_card_visa", "amount": 12_500}

    def post():
        return clinic.client.simulate_post(urlsplit(url).path, json=asked)

    with monkeypatch.context() as broken:
        broken.setattr("actions.payments.charge.perform_now", dies)
        post()
    assert clinic.stripe.received(clinic.invoice.id) == 0
    given.make_due()
    assert [post().json["status"] for _ in range(2)] == ["succeeded", "succeeded"]
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_a_repeated_request_creates_an_intent_no_worker_has_begun(clinic, monkeypatch):
    monkeypatch.setattr(idempotency, "RUNNING", timedelta(0))
    with monkeypatch.context() as broken:
        broken.setattr("web.payments.payment_intents.perform_all", dies)
        clinic.intent(key="k1")
    given.make_due()
    assert clinic.intent(key="k1").status_code == 201
    assert len(clinic.stripe.sdk.payment_intents.list().data) == 1


def test_a_repeated_request_confirms_an_intent_no_worker_has_begun(clinic, monkeypatch):
    monkeypatch.setattr(idempotency, "RUNNING", timedelta(0))
    intent_id = clinic.intent().json["paymentIntentId"]
    with monkeypatch.context() as broken:
        broken.setattr("actions.payments.charge.perform_now", dies)
        clinic.confirm(intent_id, key="k1", paymentMethodId="pm_card_visa")
    given.make_due()
    again = clinic.confirm(intent_id, key="k1", paymentMethodId="pm_card_visa")
    assert again.json["success"] is True
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_a_repeated_request_makes_a_refund_no_worker_has_begun(clinic, valkey):
    """Given a refund that waits for busy workers, when it is requested again with the same key,
    then the first answer is returned, and the refund is made, once.
    """
    clinic.phone()
    [payment] = clinic.get("/api/payments").json["data"]
    first, again = (clinic.post(f"{payment['id']}/refunds", key="k2", amount=500) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (202, 202, first.json)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert clinic.stripe.received(clinic.invoice.id) == 12_000
    given.worked(valkey.client())
    clinic.post(f"{payment['id']}/refunds", key="k2", amount=500)
    assert clinic.stripe.received(clinic.invoice.id) == 12_000


def test_a_repeated_request_sends_a_link_and_text_no_worker_has_begun(texting):
    """Given a link to be texted and busy workers, when it is requested again with the same key,
    then the link is made and the text is sent, once.
    """
    texting.consents()
    first = texting.ask(key="k1")
    assert texting.sent() == []
    given.make_due()  # the text waits a moment for its link
    again = texting.ask(key="k1")
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert PaymentLink.get().state == "active"
    assert len(texting.sent()) == 1
    texting.ask(key="k1")
    texting.work()
    assert len(texting.sent()) == 1


def test_failing_work_after_a_commit_undoes_nothing(clinic):
    def fails(_given):
        raise ValueError("no such thing")

    with transactions.transaction():
        invoice = given.an_invoice(clinic.account)
        transactions.after_commit(fails, 1)
    assert given.fresh(invoice).id == invoice.id
