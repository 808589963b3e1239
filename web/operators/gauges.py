"""The figures of this installation as gauges, counted at each scrape."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from delivery.heartbeats import Heartbeats, read_heartbeats
from delivery.registry import find_job
from models.reports.figures import (
    OPEN_STATES,
    backfill_age,
    count_ceilings,
    count_differences,
    count_doubts,
    count_failed_refunds,
    count_failing,
    count_fetched,
    count_inbox,
    count_invoices,
    count_jobs,
    count_paused,
    count_waited_for,
    oldest_due,
    oldest_unprocessed,
)
from models.reports.going_live import GoingLive, count_going_live
from models.transactions import database_time
from runtime.clock import real_seconds
from runtime.errors import Misconfigured
from runtime.redis.connection import connect_redis
from runtime.settings import INTERACTIVE, QUEUES, get_settings

DAY = 86_400  # seconds
TIMEOUT = 1.0  # seconds Redis may take for a scrape


class _Figures(Collector):
    """Reads the database and Redis at each scrape."""

    def __init__(self) -> None:
        self._redis: Redis | None = None

    def collect(self) -> Iterable[Metric]:
        """Every gauge."""
        yield from _job_gauges()
        doubts = {(k,): v for k, v in count_doubts().items()}
        yield _family(
            "payphone_effects_in_doubt",
            "Effects whose outcome is unknown, by kind.",
            ("kind",),
            doubts,
        )
        yield _family(
            "payphone_inbox_events",
            "Events from providers, by outcome.",
            ("outcome",),
            {(k,): v for k, v in count_inbox().items()},
        )
        yield _single(
            "payphone_inbox_oldest_unprocessed_seconds",
            "Age of the oldest event without an outcome.",
            oldest_unprocessed(),
        )
        yield _family(
            "payphone_invoices",
            "Invoices, by status.",
            ("status",),
            {(k,): v for k, v in count_invoices().items()},
        )
        differences = {(k,): v for k, v in count_differences().items()}
        yield _family(
            "payphone_book_differences",
            "Open differences between our books and Stripe's, by kind.",
            ("kind",),
            differences,
        )
        yield _single(
            "payphone_refunds_failed",
            "Refunds that failed, or that Stripe refused, and were not requested again.",
            count_failed_refunds(),
        )
        reached = {(k,): v for k, v in count_ceilings().items()}
        yield _family(
            "payphone_ceilings_reached",
            "Accounts that reached a daily ceiling in the last 24 hours, by what it limits.",
            ("what",),
            reached,
        )
        yield _family(
            "payphone_brakes",
            "Pause switches that are on, by what they stop.",
            ("what",),
            {(k,): v for k, v in count_paused().items()},
        )
        age = backfill_age() if get_settings().stripe_secret_key else None
        if age is not None:
            yield _single(
                "payphone_backfill_age_seconds",
                "Seconds since the events of the Stripe account read longest ago were last read, or"
                " ought to have been.",
                age,
            )
        fetched = {(k,): v for k, v in count_fetched(DAY).items()}
        yield _family(
            "payphone_events_fetched",
            "Events of the last 24 hours that only the hourly backfill brought, by endpoint.",
            ("endpoint",),
            fetched,
        )
        yield _single(
            "payphone_clock_skew_seconds",
            "By how much the database's clock is ahead of this machine's.",
            database_time() / 1_000_000 - real_seconds(),
        )
        yield from _going_live_gauges(count_going_live())
        signs = self._heartbeats()
        yield _single("payphone_redis_up", "1 while Redis answers.", 0 if signs is None else 1)
        writable = signs is not None and not signs.refusal
        yield _single(
            "payphone_redis_writable",
            "1 while Redis accepts writes; 0 if it is full, read-only or down.",
            int(writable),
        )
        if signs is not None:
            yield from _heartbeat_gauges(signs)

    def _heartbeats(self) -> Heartbeats | None:
        try:
            self._redis = self._redis or connect_redis(get_settings().redis_url, timeout=TIMEOUT)
            return read_heartbeats(self._redis, database_time())
        except (RedisError, Misconfigured):
            return None


def _job_gauges() -> Iterable[Metric]:
    counts: dict[tuple[str, ...], float] = {
        (queue, state): 0 for queue in QUEUES for state in OPEN_STATES
    }
    names: dict[tuple[str, ...], float] = {}
    for row in count_jobs():
        known = find_job(row.name)
        key = (known.queue if known else "unknown", row.state)
        counts[key] = counts.get(key, 0) + row.count
        if row.state == "dead":
            names[row.name,] = row.count
    for row in count_waited_for():
        known = find_job(row.name)
        key = (known.queue if known else "unknown", row.state)
        counts[key] = max(0, counts.get(key, 0) - row.count)
        counts[INTERACTIVE, row.state] += row.count
    yield _family(
        "payphone_jobs",
        "Staged jobs, by queue and state; finished ones until their rows are deleted.",
        ("queue", "state"),
        counts,
    )
    yield _family(
        "payphone_jobs_dead", "Dead jobs, by name: each needs a person.", ("name",), names
    )
    yield _family(
        "payphone_jobs_failing",
        "Jobs that failed and will be retried, by name; many mean that a dependency is down.",
        ("name",),
        {(k,): v for k, v in count_failing().items()},
    )
    ages = dict.fromkeys(QUEUES, 0.0) | oldest_due()
    yield _family(
        "payphone_job_oldest_due_seconds",
        "How long the oldest due job of a queue has waited.",
        ("queue",),
        {(k,): v for k, v in ages.items()},
    )


def _going_live_gauges(figures: GoingLive) -> Iterable[Metric]:
    """As docs/metrics.md defines them; a rate without a denominator is absent."""
    rates = {
        "configuration_completion": figures.configuration_completion,
        "payment_conversion": figures.payment_conversion,
        "deployment_success": figures.deployment_success,
        "phone_purchase_success": figures.phone_purchase_success,
    }
    yield _family(
        "payphone_going_live_rate",
        "Shares of clinics that got from signing up to a live receptionist, in the last 90 days.",
        ("rate",),
        {(name,): one.rate for name, one in rates.items() if one.rate is not None},
    )
    counts = {(name, "numerator"): one.numerator for name, one in rates.items()}
    counts |= {(name, "denominator"): one.denominator for name, one in rates.items()}
    yield _family(
        "payphone_going_live_count",
        "Numerators and denominators of those shares.",
        ("rate", "part"),
        counts,
    )
    if figures.seconds_to_deploy is not None:
        yield _single(
            "payphone_time_to_deploy_seconds",
            "Average time from signing up until first live, in the last 90 days.",
            figures.seconds_to_deploy,
        )


def _heartbeat_gauges(signs: Heartbeats) -> Iterable[Metric]:
    yield _family(
        "payphone_rq_workers",
        "Workers that RQ lists, by queue.",
        ("queue",),
        {(k,): v for k, v in signs.workers.items()},
    )
    seen = {
        (name,): age
        for name, age in (("relay", signs.relay), ("scheduler", signs.scheduler))
        if age is not None
    }
    yield _single(
        "payphone_supervisor_frozen",
        "1 while the supervisor of a worker pool is frozen, so that dead workers are not replaced.",
        int(bool(signs.frozen)),
    )
    yield _family(
        "payphone_seen_age_seconds",
        "Seconds since a process was last seen; absent after a minute.",
        ("process",),
        seen,
    )


def _family(name: str, about: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _single(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def gauges() -> CollectorRegistry:
    """A registry whose gauges are counted at each scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return registry
