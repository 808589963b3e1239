"""Where the web processes of one machine keep their request counters together (see
`web.server.request_metrics`).

gunicorn's master makes the place before it loads the application, with prometheus-client, which
looks for it then; a file is opened for the first request that a process counts.
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
# Bytes of a process's file of each kind: more than its series ever need.
RESERVED = 1 << 20
KINDS = ("counter", "histogram")

log = get_log("metrics")


def make_counter_files() -> None:
    """Name a fresh private folder in the environment, unless one is named; it goes with this
    process. Ends the process with 1, in a sentence, where no folder for temporary files can be
    written: gunicorn needs one as well.
    """
    if VARIABLE in os.environ:
        return
    master = os.getpid()
    try:
        _sweep(Path(tempfile.gettempdir()))
        folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{PREFIX}{master}-")
    except OSError as error:
        print(
            f"error No folder for temporary files can be written: {error.strerror or error}. Make"
            " room in /tmp, or set TMPDIR to a folder that this user may write to.",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    atexit.register(
        lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == master else None
    )


def _sweep(place: Path) -> None:
    """Remove what masters left that were killed."""
    for folder in place.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def reserve_counter_files() -> None:
    """Take the room for this process's counters from the disk; if there is none, it counts in its
    own memory.

    The files are mapped: on a disk that has filled up meanwhile, a write to a page that has no
    place there yet would kill the process (SIGBUS).
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
