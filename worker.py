"""Starts the worker pool; no logic."""

import runtime.blocked_imports  # noqa: F401 - before anything imports what it blocks

# isort: split
import jobs  # noqa: F401 - imported before the fork, so that children share the loaded jobs
from delivery.pool import Pool
from jobs.timetable import load_timetable
from models.transactions import STATEMENT_SECONDS, use_database
from rules.cards.card_numbers import redact
from rules.money import load_formats
from runtime.log import configure_log
from runtime.redis import embedded_server
from runtime.start import check_workers, settings_or_exit


def main() -> None:
    """Run the pool until SIGTERM."""
    settings = settings_or_exit(check_workers)
    configure_log(settings.log_format, settings.log_level, mask=redact)
    load_timetable()
    # before the fork, so that children share what these set; each opens its own connections
    load_formats()
    use_database(settings.database_url, STATEMENT_SECONDS)
    keeper = embedded_server.Supervisor()
    tend = (lambda: None) if settings.redis_url else keeper.supervise
    try:
        Pool(settings.worker_counts, settings.redis_url, tend).run()
    finally:
        keeper.stop()


if __name__ == "__main__":
    main()
