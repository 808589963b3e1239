"""The folder in which the web processes of one machine keep their request counters (see
`web.server.request_metrics`).

gunicorn's master creates it before it loads the application and, with it, prometheus-client, which
looks for the folder then. A process opens its files when it counts its first request.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from runtime.log import get_log

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "payphone-metrics-"
# Bytes of a process's file per kind of metric: more than its series ever need.
RESERVED = 1 << 20
KINDS = ("counter", "histogram")

log = get_log("metrics")


def make_counter_files() -> None:
    """Create a private folder and name it in the environment, unless one is named there; it is
    removed when this process ends. If no temporary folder is writable, exits with 1 and a sentence:
    gunicorn needs one as well.
    """
    if VARIABLE in os.environ:
        return
    master = os.getpid()
    try:
        _sweep(Path(tempfile.gettempdir()))
        folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{PREFIX}{master}-")
    except OSError as error:
        print(
            f"error No temporary folder is writable: {error.strerror or error}. Make room in /tmp,"
            " or set TMPDIR to a folder that this user may write to.",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    atexit.register(
        lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == master else None
    )


def _sweep(place: Path) -> None:
    """Remove the folders of masters that were killed."""
    for folder in place.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def reserve_counter_files() -> None:
    """Reserve disk space for this process's counters; without space, the process counts in its own
    memory.

    The files are memory-mapped: if the disk filled up later, writing to an unallocated page would
    kill the process (SIGBUS).
    """
    folder = Path(os.environ[VARIABLE])
    try:
        for kind in KINDS:
            with (folder / f"{kind}_{os.getpid()}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVED)
    except OSError as error:
        log.warning("requests are counted for this process only", error=str(error))
        for kind in KINDS:
            (folder / f"{kind}_{os.getpid()}.db").unlink(missing_ok=True)
        del os.environ[VARIABLE]
