"""Contacting customers, going live and importing take locks in orders that cannot deadlock.

`--lock-order` checks the whole suite for that; these tests cover what is locked most.
"""

import pytest

from actions.accounts.accounts import change_settings
from actions.people.resolve_item import Choice, resolve_item
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import WorkItem
from models.transactions import database, is_postgres
from tests import given
from tests.stories.deploying import Deploying
from tests.stories.operators import run
from tests.stories.scanning import Scanning
from tests.watching.lock_order import LockOrder, rings


@pytest.fixture
def order(database_url, monkeypatch):
    """Record the locks that are taken from now on."""
    if not is_postgres():
        pytest.skip("SQLite has one writer, who waits for nobody")
    seen = LockOrder()
    seen.watch(monkeypatch)
    return seen


def test_contacting_customers_and_handling_replies_has_no_lock_cycle(order, texting):
    """Given two customers whose drafts are approved, a text about bankruptcy and calls by hand,
    then no lock orders conflict.
    """
    clinic = Scanning(texting)
    clinic.days_pass(1)
    twin = given.a_customer(clinic.account, phone=texting.phone)
    clinic.settings(first_contacts="draft")
    clinic.owes(4)
    clinic.owes(3, customer=twin)
    clinic.scan()
    drafts = [row.id for row in PlannedContact.select().order_by(PlannedContact.id.desc())]
    texting.post("/api/contact-drafts/approve", ids=drafts)
    clinic.sends()
    texting.hear("I filed for bankruptcy")
    for item in WorkItem.select().where(WorkItem.state == "open"):
        resolve_item(clinic.account, item.id, Choice(action="called", actor="test"))
    change_settings(clinic.account, {"first_contacts": "automatic"}, "test")
    assert {edge.taken for edge in order.edges} >= {"key ceiling", "contact_course", "work_item"}
    assert list(rings(order.edges)) == []


def test_going_live_and_taking_down_has_no_lock_cycle(
    order, client, valkey, twilio_stand_in, voice
):
    clinic = Deploying(client, valkey.client(), twilio_stand_in, voice).configures().has_card()
    live = clinic.goes_live()
    clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    clinic.call("POST", f"/api/deployments/{live['id']}/take-down")
    clinic.works(6)
    assert clinic.shown(live["id"])["status"] == "taken_down"
    assert {edge.taken for edge in order.edges} >= {"setup", "key line", "key number"}
    assert list(rings(order.edges)) == []


def test_an_import_locks_its_invoices_in_one_order(order, tmp_path):
    """Given a file with the newest invoices first, some changed and some closed, then its import
    locks them in one order.
    """
    account = given.an_account()
    known = [given.an_invoice(account, 10_000) for _ in range(4)][::-1]
    states = ["Paid", "Open", "Paid", "Open"]
    rows = [
        f"{one.number},{one.customer.name},12/31/2099,{'80.00' if state == 'Open' else '0.00'},USD,"
        f"{state}"
        for one, state in zip(known, states, strict=True)
    ]
    path = tmp_path / "export.csv"
    path.write_text("\n".join(["Invoice No,Customer,Due Date,Open Balance,Currency,Status", *rows]))
    how = ("--account", account.id, "--dates", "us", "--close-paid", "--yes")
    answer = run("invoices", "import", str(path), *how)
    database.connect(reuse_if_open=True)
    assert answer.exit_code == 0, answer.output
    assert [given.fresh(one).outstanding for one in known] == [0, 8_000] * 2
    assert {edge.held for edge in order.edges} >= {"invoice"}
    assert list(rings(order.edges)) == []
