"""After Redis has failed, rate limits are counted in memory for some seconds."""

import time

from limits import parse
from redis.exceptions import RedisError

from web.http.guards import rate_limiter


def test_a_clock_set_back_does_not_prolong_counting_in_memory(monkeypatch):
    """Given a pause of no time, when the machine's clock is set back by an hour, then Redis is
    tried again without delay.
    """
    asked = []

    def away(*_address, **_options):
        asked.append(1)
        raise RedisError("away")

    monkeypatch.setattr(rate_limiter, "PAUSE", 0.0)
    monkeypatch.setattr(rate_limiter, "connect_redis", away)
    limiter, few = rate_limiter.RateLimiter(), parse("5/minute")
    assert limiter.hit(few, "a")
    past = time.time() - 3_600
    monkeypatch.setattr(time, "time", lambda: past)
    assert limiter.hit(few, "a")
    assert len(asked) == 2
