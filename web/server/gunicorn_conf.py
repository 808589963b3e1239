"""gunicorn's settings: threads that wait cheaply, bodies that cannot stall a process for long."""

from runtime.start import settings_or_exit
from runtime.trusted_proxies import THIS_MACHINE
from web.http.payment_guard import check_settings
from web.server.counter_files import make_counter_files, reserve_counter_files
from web.server.keep_alive import begin_request

settings = settings_or_exit(check_settings)
host = "0.0.0.0" if settings.payphone_env == "production" else "127.0.0.1"  # noqa: S104
bind = f"{host}:{settings.port}"
worker_class = "gthread"
workers = 2
threads = 8
timeout = 30
graceful_timeout = 10
keepalive = 5
limit_request_line = 8190
forwarded_allow_ips = settings.trusted_proxies or THIS_MACHINE
accesslog = None
errorlog = "-"
logger_class = "web.server.gunicorn_log.MaskedLogger"
loglevel = "warning"
control_socket_disable = True
pre_request = begin_request

make_counter_files()


def post_fork(_server: object, _worker: object) -> None:
    """In a new worker, before it loads the application."""
    reserve_counter_files()
