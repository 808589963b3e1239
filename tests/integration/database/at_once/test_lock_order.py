"""`--lock-order` reports locks that are taken in conflicting orders, and no others."""

import pytest

from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage_again
from models.delivery.staged_job import StagedJob, find_staged
from models.invoices.invoice import Invoice
from models.transactions import is_postgres, serialize_on, share_on, transaction
from tests import given
from tests.watching.lock_order import LockOrder, rings


@pytest.fixture
def seen(database_url, monkeypatch):
    """Run each list of steps in its own transaction; return the conflicting orders."""
    if not is_postgres():
        pytest.skip("SQLite has one writer, who waits for nobody")
    order = LockOrder(passed_over="nobody/")
    order.watch(monkeypatch)

    def done(*transactions):
        for steps in transactions:
            with transaction():
                for step in steps:
                    step()
        return [{line.split(" (")[0].strip() for line in ring.splitlines()} for ring in found()]

    def found():
        return list(rings(order.edges))

    return done


def key(name):
    return lambda: serialize_on(f"{name}:1")


def shared(name):
    return lambda: share_on(f"{name}:1")


def test_two_keys_locked_in_opposite_orders_are_reported(seen):
    assert seen([key("a"), key("b")], [key("a"), key("c")]) == []
    assert seen([key("b"), key("a")]) == [{"key a", "key b"}]


def test_a_cycle_of_three_keys_is_reported(seen):
    assert seen([key("a"), key("b")], [key("b"), key("c")], [key("c"), key("a")]) == [
        {"key a", "key b", "key c"}
    ]


def test_opposite_orders_under_a_common_exclusive_lock_are_allowed(seen):
    first, second = [key("a"), key("b")], [key("b"), key("a")]
    assert seen([key("gate"), *first], [key("gate"), *second]) == []
    assert seen([shared("gate"), *first]) == [{"key a", "key b"}]


def test_shared_locks_do_not_conflict_with_each_other(seen):
    assert seen([shared("a"), key("b")], [key("b"), shared("a")]) == []
    assert seen([key("a"), key("b")]) == [{"key a", "key b"}]


def test_upgrading_a_shared_lock_to_an_exclusive_one_is_reported(seen):
    assert seen([shared("a"), key("a")]) == [{"key a"}]


def test_keys_of_one_class_must_be_locked_in_ascending_order(seen):
    def takes(*numbers):
        return [lambda number=number: serialize_on(f"a:{number}") for number in numbers]

    assert seen(takes(1, 2)) == []
    assert seen(takes(2, 1)) == [{"key a"}]


def test_locked_and_changed_rows_conflict_but_referenced_ones_do_not(seen):
    """Given a row that is locked before a key, then changing it after the key conflicts, and
    writing a row that references it does not.
    """
    invoice = given.an_invoice()

    def locks():
        Invoice.locked(invoice.id)

    def changes():
        Invoice.update(notes="x").where(Invoice.id == invoice.id).execute()

    def names():
        given.an_invoice(invoice.account, customer=invoice.customer)

    assert seen([locks, key("a")], [locks, changes, key("b")]) == []
    assert seen([key("b"), changes]) == [{"invoice", "key b"}]
    assert seen([lambda: type(invoice.customer).locked(invoice.customer.id), key("c")]) == [
        {"invoice", "key b"}
    ]
    assert seen([key("c"), names]) == [{"invoice", "key b"}]


def test_lock_orders_of_different_jobs_do_not_conflict(seen):
    """Given one job staged before a key and another after it, then only the same job's orders
    conflict.
    """

    def stages(name):
        return lambda: stage_again(name, "k1", 1)

    assert seen([stages("poll_ports"), key("a")], [key("a"), stages("find_strays")]) == []
    assert seen([key("a"), stages("poll_ports")]) == [{"staged_job poll_ports", "key a"}]


def test_writing_to_a_job_already_locked_takes_no_new_lock(seen):
    """Given a job that was locked before a key, then writing to it after the key takes no new
    lock.
    """

    def locks():
        StagedJob.locked(find_staged("poll_ports", "k1").id)

    def writes():
        mine = StagedJob.id == find_staged("poll_ports", "k1").id
        StagedJob.update(last_error="x").where(mine).execute()

    assert seen([lambda: stage_again("poll_ports", "k1", 1)]) == []
    assert seen([locks, key("a"), writes], [writes, key("a")]) == []
    assert seen([key("b"), locks], [writes, key("b")]) == [{"staged_job poll_ports", "key b"}]


def test_inserting_a_new_row_blocks_nobody(seen):
    def audits():
        AuditEntry.record("test", "tested", "test:1", None)

    assert seen([audits, key("a")], [key("a"), audits]) == []
