"""A worker that gets SIGTERM before it has begun stops."""

import signal

import pytest

from delivery.worker import Worker


@pytest.fixture
def term_is_blocked():
    """Block SIGTERM, as between a pool's fork and its child's own handler."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    yield
    signal.signal(signal.SIGTERM, lambda *_: None)  # a pending signal must not end the tests
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_sigterm_before_the_workers_handler_is_installed_stops_it(
    database_url, valkey, monkeypatch, term_is_blocked
):
    """Given a SIGTERM in a child's first moments, then it takes no job and deregisters."""
    redis = valkey.client()
    worker = Worker("webhooks", redis, "newborn", lambda _at: None)
    steps = []

    def step():
        steps.append("a step")
        worker._goes_on = len(steps) < 3

    monkeypatch.setattr(worker, "_step", step)
    signal.raise_signal(signal.SIGTERM)
    worker.run()
    assert steps == []
    assert redis.smembers("rq:workers") == set()
