"""`/metrics` for Prometheus: gauges counted at each scrape, and the requests that this machine's
web processes have served.

Gauges come from the database and Redis, so that any web process gives the same answer and no worker
has to be scraped; there are no counters of jobs, since the gauges by state show what happened.
Counters and latencies of requests are shared by the processes of one machine
(`web.server.request_metrics`); each machine is a target of its own.

For operators: a signed-in browser, or `Authorization: Bearer <operator's key>`.
"""

import falcon
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from web.http.guards.auth import caller_of, need
from web.http.problems import Problem
from web.operators.gauges import gauges
from web.server.request_metrics import request_registry


class Metrics:
    """`/metrics`"""

    def __init__(self) -> None:
        self._gauges = gauges()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """All figures in Prometheus' text format."""
        caller = caller_of(req)
        if not caller.operator:
            raise Problem("forbidden", "Metrics are for operators: use an operator's key.")
        if caller.rights is not None:
            need(caller.rights, "view")
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = generate_latest(self._gauges) + generate_latest(request_registry())
