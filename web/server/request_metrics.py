"""Counters and latencies of requests, shared by the web processes of one machine.

With `PROMETHEUS_MULTIPROC_DIR` set, prometheus-client keeps them in files that all processes map,
and a scrape of any process adds them up; otherwise (one process, tests) they are in memory.
"""

import os
import time
from functools import lru_cache

import falcon
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector

from runtime.log import get_log
from web.http.routing import method_of, route_of

log = get_log("metrics")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

_registry = CollectorRegistry()
_requests = Counter(
    "payphone_http_requests",
    "Requests answered.",
    ("method", "route", "status"),
    registry=_registry,
)
_seconds = Histogram(
    "payphone_http_request_seconds",
    "Seconds from a request's first byte to its answer.",
    ("route",),
    buckets=BUCKETS,
    registry=_registry,
)


@lru_cache(maxsize=4096)  # more than there are series
def _of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(method, route, status), _seconds.labels(route)


def count_in_memory_without_files() -> None:
    """In a new worker: count in memory if there was no disk space for its files. Whether files are
    used at all was decided when the master loaded prometheus-client.
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        values.ValueClass = values.MutexValue


def request_registry() -> CollectorRegistry:
    """The registry with the requests of all web processes on this machine."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not directory:
        return _registry
    registry = CollectorRegistry()
    MultiProcessCollector(registry, directory)
    return registry


class RequestMetrics:
    """Counts requests by their route's template, not their path: ids would make endless series."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Start the clock."""
        req.context.started = time.perf_counter()

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Stop the clock and count the request. A failure to count is only logged: the request's
        work has committed.
        """
        route = route_of(req)
        try:
            requests, seconds = _of(method_of(req), route, resp.status_code)
            requests.inc()
            seconds.observe(time.perf_counter() - req.context.started)
        except OSError as error:
            # e.g. the folder was removed after its master was killed, while a worker still answers
            log.warning("a request could not be counted", route=route, error=str(error))
