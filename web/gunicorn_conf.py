"""gunicorn's settings: threads that wait cheaply, bodies that cannot stall a process for long."""

from runtime.start import settings_or_exit
from web.address import THIS_MACHINE
from web.counter_files import make_counter_files
from web.keep_alive import begin_request
from web.payment_doors import check_settings

settings = settings_or_exit(check_settings)
bind = f"{'127.0.0.1' if settings.payphone_env != 'production' else '0.0.0.0'}:{settings.port}"  # noqa: S104
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
logger_class = "web.gunicorn_log.MaskedLogger"
loglevel = "warning"
control_socket_disable = True
pre_request = begin_request

make_counter_files()
