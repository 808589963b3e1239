"""Workers killed while they deliver a webhook: each event arrives at least once, under one id (B13,
faults 7 and 8).
"""

import pytest

from actions.feed.endpoints import new_secret
from models.feed.emit import emit
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import release_connection
from runtime.clock import real_now
from runtime.secret_box import seal
from tests import given
from tests.faults.town import PATIENT, all_settled


@pytest.mark.parametrize(
    ("place", "times"), [("webhook.sent", 2), ("job.before_commit", 2), ("job.after_commit", 1)]
)
def test_a_worker_killed_around_a_delivery_repeats_it_under_the_same_id(
    town, receiver, place, times
):
    """Given a worker killed before or after it has recorded a delivery, then the event arrives once
    or twice, under the same id.
    """
    account, receiver.secret = given.an_account(), new_secret()
    WebhookEndpoint.register(account, receiver.url, [], seal(receiver.secret), real_now())
    event = emit(account.id, "invoice.paid", {"invoiceId": "inv_1"})
    release_connection()
    town.pool(
        "outgoing=1",
        PAYPHONE_KILL_AT=town.at(place),
        PAYPHONE_LEASE=PATIENT,
        WEBHOOKS_TO_LOOPBACK="true",
    )
    town.struck()
    all_settled()
    assert [told["id"] for told in receiver.events] == [event.event_id] * times
    assert WebhookDelivery.get().state == "delivered"
