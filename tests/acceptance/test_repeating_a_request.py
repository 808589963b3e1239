"""Repeating a request (F26) while its first one is still running: neither done twice nor answered
half.
"""

from concurrent.futures import ThreadPoolExecutor

from models.base import release_connection
from models.delivery.idempotency_key import IdempotencyKey
from tests.servers import wait_for


def test_a_repetition_waits_for_the_first_to_answer(clinic):
    """Given a first request that waits for Stripe, when it is sent again, then 409 says to come
    back; once the first is answered, both have its answer.
    """

    def first_request():
        try:
            return clinic.intent(key="k1")
        finally:
            release_connection()

    with ThreadPoolExecutor(1) as pool:
        with clinic.stripe.sandbox.ground.lock:  # Stripe takes its time
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
