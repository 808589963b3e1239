"""gunicorn's settings. `web/server/patient_worker.py` handles peers that stall."""

import gc
from typing import Any

import runtime.blocked_imports  # noqa: F401 - before anything imports what it blocks

# isort: split
from rules.money import load_formats
from runtime.libc import die_with_parent, limit_arenas
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
preload_app = True  # workers share its memory; it connects to nothing before its first request
worker_connections = CONNECTIONS
timeout = 30
graceful_timeout = 10
keepalive = 5
limit_request_line = 8190
sendfile = False  # it has no deadline for a whole file
# none: a proxy may pass on a client's SCRIPT_NAME header, which would change the path
forwarder_headers = ""
forwarded_allow_ips = settings.trusted_proxies or THIS_MACHINE
accesslog = None
errorlog = "-"
logger_class = "web.server.gunicorn_log.MaskedLogger"
loglevel = "warning"
control_socket_disable = True
pre_request = begin_request
# Allocations between two runs of the garbage collector. With Python's default of 700 it takes a
# fifteenth of a worker's time, though reference counting frees nearly all our objects at once.
GARBAGE = 10_000


# before the application loads prometheus-client, which nothing above may import
make_counter_files()


def when_ready(server: Any) -> None:
    """In the master, before it forks: log where it listens, load what its workers can share, and
    exempt all loaded objects from garbage collection, which would otherwise copy the shared pages
    into each worker.
    """
    get_log("web").info("listening", at=[str(listener) for listener in server.LISTENERS])
    load_formats()
    gc.collect()
    gc.freeze()


def post_fork(server: Any, _worker: Any) -> None:
    """In a new worker, before it serves. However gunicorn ends, its workers die with it: they would
    hold the port.
    """
    die_with_parent(server.pid)
    limit_arenas()
    gc.set_threshold(GARBAGE)
    reserve_counter_files()
