"""Each worker has a name of its own: by it, a successor takes back what a dead one held."""

from delivery import pool


def test_two_pools_of_one_hostname_and_pid_share_no_worker(monkeypatch):
    """Given two containers that were given one hostname, each of whose pools is process 1, then no
    worker of one is called as a worker of the other.
    """
    monkeypatch.setattr(pool.os, "fork", lambda: 1)
    names = []
    for _ in range(2):
        one = pool.Pool({"webhooks": 2}, None, lambda: None, lambda: None)
        one._spawn_missing()
        names += [slot.name for slot in one._slots]
    assert len(set(names)) == len(names) == 6
