"""Turns: each account gets a share of a worker's time, and within it each of its endpoints."""

from delivery.turns import Turns
from models.delivery.turns import Waiting


def served(turns, costs, times, running=None):
    """Return who is served in each of `times` turns, while all of `costs` wait; each takes its
    seconds.
    """
    order = []
    for _ in range(times):
        waiting = [Waiting(name, (running or {}).get(name, 0)) for name in costs]
        name = turns.order(waiting)[0]
        turns.charge(name, costs[name])
        order.append(name)
    return order


def test_quick_work_is_done_strictly_in_turn():
    order = served(Turns(), {"a": 0.001, "b": 0.002, "c": 0.0005}, 30)
    for begin in range(0, 30, 3):
        assert set(order[begin : begin + 3]) == {"a", "b", "c"}


def test_slow_accounts_share_the_worker_fairly():
    """Given an account whose jobs take ninety times as long, then both get the same time."""
    order = served(Turns(), {"slow": 4.5, "quick": 0.05}, 920)
    assert 8 <= order.count("slow") <= 12
    assert "slow" not in order[2:80], "not served again before the other has had as much"


def test_a_single_account_gets_all_the_time():
    assert served(Turns(), {"a": 4.5}, 5) == ["a"] * 5


def test_a_new_account_is_served_next_and_gets_no_credit_for_the_past():
    """Given an account that long had the worker to itself, when another arrives, then the new one
    is next, and from then on they take turns.
    """
    turns = Turns()
    served(turns, {"a": 1.0}, 50)
    order = served(turns, {"a": 1.0, "b": 1.0}, 10)
    assert order[0] == "b"
    assert order.count("a") == 5


def test_a_returning_account_gets_no_credit_for_its_absence():
    turns = Turns()
    served(turns, {"a": 1.0, "b": 1.0}, 4)
    served(turns, {"a": 1.0}, 50)
    assert served(turns, {"a": 1.0, "b": 1.0}, 10).count("b") == 5


def test_more_endpoints_give_an_account_no_more_turns():
    """Given an account with nine endpoints and another with one, then each account gets half."""
    costs = {f"many/{number}": 0.05 for number in range(9)} | {"one/1": 0.05}
    order = served(Turns(), costs, 180)
    assert 85 <= order.count("one/1") <= 95
    each = [order.count(name) for name in costs if name != "one/1"]
    assert min(each) >= 9
    assert max(each) <= 11


def test_a_slow_endpoint_leaves_other_endpoints_of_its_account_their_share():
    order = served(Turns(), {"a/slow": 4.5, "a/quick": 0.05}, 920)
    assert 8 <= order.count("a/slow") <= 12


def test_an_account_that_keeps_a_worker_busy_comes_after_idle_ones():
    """Given two workers, one of them busy for an account, then the other serves other accounts
    first.
    """
    turns = Turns()
    waiting = [Waiting("slow/1", 1), Waiting("slow/2"), Waiting("quick/1")]
    turns.charge("quick/1", 100.0)
    assert turns.order(waiting) == ["quick/1", "slow/2", "slow/1"]
    assert turns.order([Waiting("slow/1", 1)]) == ["slow/1"], "alone, it may have both"


def test_no_account_is_served_when_none_waits():
    assert Turns().order([]) == []


def test_only_accounts_that_wait_or_owe_are_remembered():
    turns = Turns()
    for number in range(1_000):
        served(turns, {f"account_{number}": 0.001}, 1)
    assert len(turns._within) <= 2
    assert len(turns._accounts._had) <= 2
