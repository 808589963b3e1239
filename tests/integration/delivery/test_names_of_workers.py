"""Each worker has a unique name, by which its successor takes back a dead worker's jobs."""

from delivery import pool


def test_two_pools_with_one_hostname_and_pid_share_no_worker_names(monkeypatch):
    """Given two containers with one hostname and pools with the same pid, then no two workers share
    a name.
    """
    monkeypatch.setattr(pool.os, "fork", lambda: 1)
    names = []
    for _ in range(2):
        one = pool.Pool({"webhooks": 2}, None, lambda: None)
        one._spawn_missing()
        names += [slot.name for slot in one._slots]
    assert len(set(names)) == len(names) == 6
