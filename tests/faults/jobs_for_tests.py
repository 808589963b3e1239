"""Jobs for tests only: one that waits for a signal, one that fails, one that does not stop, and so
on.

They write lines to files under `PAYPHONE_TEST_DIR`, so that a test sees each attempt.
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

PATIENCE = 200  # seconds; a test releases a waiting job sooner, even on a busy machine
registry.MAX_TIMEOUT = PATIENCE


def _write(name: str, line: str) -> None:
    with (Path(os.environ["PAYPHONE_TEST_DIR"]) / name).open("a") as file:
        file.write(f"{line}\n")


def _exists(name: str) -> bool:
    return (Path(os.environ["PAYPHONE_TEST_DIR"]) / name).exists()


@job(queue="messages", calls_out=False, attempts=5, timeout=PATIENCE, backoff=0.2)
def wait_for_go(number: int) -> None:
    """Report the start, wait for the file `go`, then record one row as its effect."""
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
    """Read the one invoice under its Redis lock, report the start, wait for the file `go`, then add
    a number to the notes.

    The row is not locked while it waits: only the row's version protects it from a second such job.
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
    """Fail at every attempt; the next one runs when a test makes it due."""
    _write("began", f"{number} {os.getpid()}")
    raise RuntimeError(f"a message that may name Ada Payer, number {number}")


@job(queue="messages", calls_out=False, attempts=2, timeout=1, backoff=0.2)
def never_stop(number: int) -> None:
    """Swallow even the timeout, and go on."""
    _write("began", f"{number} {os.getpid()}")
    while True:
        try:
            time.sleep(0.05)
        except JobTimeout:
            _write("swallowed", f"{number} {os.getpid()}")


@job(queue="messages", calls_out=False, attempts=2, timeout=1, backoff=0.2)
def take_too_long(number: int) -> None:
    """Check that a broad `except`, as people write them, does not swallow the timeout."""
    _write("began", f"{number} {os.getpid()}")
    try:
        time.sleep(30)
    except Exception:
        _write("swallowed", f"{number} {os.getpid()}")


@job(queue="messages", calls_out=False, attempts=3, timeout=PATIENCE, backoff=0.2, quick=True)
def one_of_many(number: int) -> None:
    """Report the start, and record one row if the number is odd. Number 25 kills its process, once,
    or every time if the file `poison` exists.
    """
    _write("began", f"{number} {os.getpid()}")
    if number == 25 and (_exists("poison") or not _exists("killed")):
        _write("killed", "25")
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 2:
        with recording():
            InboxEvent.receive("test", "", f"one_of_many-{number}", "effect", "{}", real_now())
