"""gunicorn's settings. What keeps peers that stall from stalling us is in
`web/server/patient_worker.py`.
"""

import gc
from typing import Any

import runtime.blocked_imports  # noqa: F401 - before anything loads what it blocks

# isort: split
from runtime.libc import die_with_parent, few_arenas
from runtime.log import get_log
from runtime.start import settings_or_exit
from runtime.trusted_proxies import THIS_MACHINE
from web.http.guards.payment_guard import check_settings
from web.http.keep_alive import begin_request
from web.server.counter_files import make_counter_files, reserve_counter_files
from web.server.waiting import CONNECTIONS, TALKING

settings = settings_or_exit(check_settings)
host = "0.0.0.0" if settings.payphone_env == "production" else "127.0.0.1"  # noqa: S104
bind = f"{host}:{settings.port}"
worker_class = "web.server.patient_worker.PatientWorker"
workers = 2
threads = TALKING
preload_app = True  # the workers share its memory; it opens nothing until its first request
worker_connections = CONNECTIONS
timeout = 30
graceful_timeout = 10
keepalive = 5
limit_request_line = 8190
sendfile = False  # it knows no deadline for the whole of a file
# a proxy may pass on what a client calls SCRIPT_NAME: the path would be another one behind it
forwarder_headers = ""
forwarded_allow_ips = settings.trusted_proxies or THIS_MACHINE
accesslog = None
errorlog = "-"
logger_class = "web.server.gunicorn_log.MaskedLogger"
loglevel = "warning"
control_socket_disable = True
pre_request = begin_request
# Objects made between two searches for those that only refer to each other. Python's own 700 spend
# a fifteenth of a worker's time on it, for nearly all of ours are freed at once.
GARBAGE = 10_000


# before the application is loaded, and prometheus-client with it, which nothing above may load
make_counter_files()


def when_ready(server: Any) -> None:
    """In the master, before it forks: say where it listens. What is loaded stays where it is, for a
    collector that looked at it in the workers would have each copy its pages.
    """
    get_log("web").info("listening", at=[str(listener) for listener in server.LISTENERS])
    gc.collect()
    gc.freeze()


def post_fork(server: Any, _worker: Any) -> None:
    """In a new worker, before it serves. Whatever ends gunicorn ends its workers,
    which would hold the port.
    """
    die_with_parent(server.pid)
    few_arenas()
    gc.set_threshold(GARBAGE)
    reserve_counter_files()
