"""Where the web processes of one machine keep their request counters together (see
`web.server.request_metrics`).

gunicorn's master makes the place before it forks; prometheus-client looks for it when it is first
imported, which is later, in the workers.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "payphone-metrics-"


def make_counter_files() -> None:
    """Name a fresh private folder in the environment, unless one is named; it goes with this
    process.
    """
    if VARIABLE in os.environ:
        return
    master = os.getpid()
    _sweep(Path(tempfile.gettempdir()))
    folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{PREFIX}{master}-")
    atexit.register(
        lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == master else None
    )


def _sweep(place: Path) -> None:
    """Remove what masters left that were killed."""
    for folder in place.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)
