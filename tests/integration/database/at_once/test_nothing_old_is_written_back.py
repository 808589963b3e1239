"""Two transactions that change the same rows run one after the other: the second neither overwrites
what the first has done nor repeats it.
"""

from contextlib import closing

import pytest

from actions.feed.endpoints import change_endpoint, delete_endpoint, register_endpoint
from bin.commands.invoices.import_options import open_file
from bin.commands.invoices.import_run import ImportRun
from effects.payments.refund import REFUND
from effects.reserve import reserve
from effects.settle import settle_refused
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.feed.webhook_endpoint import WebhookEndpoint
from models.invoices.customer import Customer
from models.transactions import is_postgres, transaction
from runtime.errors import Refused
from tests import given
from tests.integration.contact.test_locks_in_one_order import while_it_waits

HOOK = "https://hooks.example.com/in"
ROWS = "number,customer,dueDate,amount,currency\n1,Ada Lane,2099-01-31,10,USD\n"


@pytest.fixture
def account(database_url):
    if not is_postgres():
        pytest.skip("SQLite has one writer, who reads nothing old")
    return given.an_account()


def test_an_endpoint_being_deleted_cannot_be_enabled(account):
    endpoint = register_endpoint(account, HOOK, [], "test")
    change_endpoint(account, endpoint.id, {"enabled": False}, "test")

    def enables():
        try:
            return change_endpoint(account, endpoint.id, {"enabled": True}, "test").state
        except Refused as refused:
            return refused.code

    told = while_it_waits(
        enables, lambda: delete_endpoint(account, endpoint.id, "test"), lambda: None
    )
    assert told == "not_found"
    row = WebhookEndpoint.get_by_id(endpoint.id)
    assert (row.state, row.secret) == ("deleted", "")


def test_a_file_imported_twice_at_once_creates_its_rows_once(account, tmp_path):
    file = tmp_path / "export.csv"
    file.write_text(ROWS)
    how = {"dates": "iso", "currency": "", "region": "US"}
    runs = [ImportRun(account, *open_file(file, (), None, None, None, **how)) for _ in range(2)]
    with closing(runs[0]) as first, closing(runs[1]) as second:
        counts, errors = while_it_waits(
            lambda: second.write(close_paid=False),
            lambda: first.write(close_paid=False),
            lambda: None,
        )
    assert (counts["created"], counts["unchanged"], errors.count) == (0, 1, 0)
    assert Customer.select().count() == 1


def test_settling_an_effect_does_not_deadlock_with_a_late_attempt(account):
    """Given a late attempt that has written to the effect and then writes to its dead job, when
    staff settle the effect, then neither deadlocks.
    """
    with transaction():
        effect = reserve(REFUND, "rfq_1", {}, given.an_invoice(account), "", "test", "a refund")
        job_id = stage("refund_payment", "rfq_1", "rfq_1")
    this_job = StagedJob.id == job_id
    StagedJob.update(state="dead").where(this_job).execute()
    while_it_waits(
        lambda: settle_refused(effect.id, "It is not in Stripe's list.", "test"),
        lambda: effect.record_unknown("timeout", "no answer"),
        lambda: StagedJob.update(last_error="its claim was taken over").where(this_job).execute(),
    )
    settled = Effect.get_by_id(effect.id)
    assert (settled.state, StagedJob.get_by_id(job_id).state) == ("refused", "waiting")
