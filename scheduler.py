"""The scheduler: ticks the timetable until SIGTERM."""

import runtime.blocked_imports  # noqa: F401 - before anything imports what it blocks

# isort: split
import jobs  # noqa: F401 - registers every job
from delivery.scheduler import Ticker
from jobs.timetable import load_timetable
from rules.cards.card_numbers import redact
from runtime.log import configure_log
from runtime.start import settings_or_exit


def main() -> None:
    """Tick until SIGTERM."""
    settings = settings_or_exit()
    configure_log(settings.log_format, settings.log_level, mask=redact)
    load_timetable()
    Ticker(settings.redis_url).run_forever()


if __name__ == "__main__":
    main()
