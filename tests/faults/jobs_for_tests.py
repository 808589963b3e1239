"""Jobs that only tests know: one that waits to be let go, one that fails, one that will not stop.

They write lines into files under `PAYPHONE_TEST_DIR`, so that a test sees each attempt.
"""

import os
import signal
import time
from pathlib import Path

from delivery import registry
from delivery.attempt import JobTimeout, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from models.books.inbox_event import InboxEvent
from models.invoices.invoice import Invoice
from runtime.clock import real_now

PATIENCE = 200  # seconds; a test lets go what waits before that, however busy the machine is
registry.MAX_TIMEOUT = PATIENCE


def _write(name: str, line: str) -> None:
    with (Path(os.environ["PAYPHONE_TEST_DIR"]) / name).open("a") as file:
        file.write(f"{line}\n")


def _exists(name: str) -> bool:
    return (Path(os.environ["PAYPHONE_TEST_DIR"]) / name).exists()


@job(queue="messages", calls_out=False, attempts=5, timeout=PATIENCE, backoff=0.2)
def wait_for_go(number: int) -> None:
    """Says that it began, waits for the file `go`, then records one row: its effect."""
    _write("began", f"{number} {os.getpid()}")
    while not _exists("go"):
        time.sleep(0.02)
    with recording():
        InboxEvent.receive(
            "test", "", f"wait_for_go-{number}-{os.getpid()}", "effect", "{}", real_now()
        )
    _write("ended", f"{number} {os.getpid()}")


@job(queue="messages", calls_out=False, attempts=1, timeout=PATIENCE, backoff=0.2)
def note_down(number: int) -> None:
    """Reads the one invoice under its Redis lock, says so, waits for the file `go`, then adds its
    number to the notes.

    The row is not locked while it waits: its version is all that stands between two of these.
    """
    invoice = Invoice.get()
    with invoice_lock(invoice.id):
        invoice = Invoice.get()
        _write("began", f"{number} {os.getpid()}")
        while not _exists("go"):
            time.sleep(0.02)
        with recording():
            invoice.change(real_now(), notes=f"{invoice.notes} {number}".strip())


@job(queue="messages", calls_out=False, attempts=3, timeout=20, backoff=600)
def always_fail(number: int) -> None:
    """Fails at every attempt; the next one is made when a test says that it is due."""
    _write("began", f"{number} {os.getpid()}")
    raise RuntimeError(f"a message that may name Ada Payer, number {number}")


@job(queue="messages", calls_out=False, attempts=2, timeout=1, backoff=0.2)
def never_stop(number: int) -> None:
    """Swallows even its timeout, and goes on."""
    _write("began", f"{number} {os.getpid()}")
    while True:
        try:
            time.sleep(0.05)
        except JobTimeout:
            _write("swallowed", f"{number} {os.getpid()}")


@job(queue="messages", calls_out=False, attempts=2, timeout=1, backoff=0.2)
def take_too_long(number: int) -> None:
    """A broad except, as people write them, does not swallow the timeout."""
    _write("began", f"{number} {os.getpid()}")
    try:
        time.sleep(30)
    except Exception:
        _write("swallowed", f"{number} {os.getpid()}")


@job(queue="messages", calls_out=False, attempts=3, timeout=PATIENCE, backoff=0.2, quick=True)
def one_of_many(number: int) -> None:
    """Says that it began, and records one row, or none if the number is even. Number 25 kills its
    process, the first time or, where the file `poison` is, every time.
    """
    _write("began", f"{number} {os.getpid()}")
    if number == 25 and (_exists("poison") or not _exists("killed")):
        _write("killed", "25")
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 2:
        with recording():
            InboxEvent.receive("test", "", f"one_of_many-{number}", "effect", "{}", real_now())
