"""Read each sender's registration with the carriers at Twilio, once a day and when the sender is
set.

Twice is harmless: it reads, and writes what it finds.
"""

from actions.contact.sender_registrations import (
    read_registration,
    record_registration,
    senders_in_use,
)
from delivery.attempt import recording
from delivery.registry import job
from models.delivery.stage import stage_again

BATCH = 500


@job(queue="periodic", calls_out=True, attempts=5, timeout=20)
def read_sender_registration(sender: str) -> None:
    """Read the registration of messaging service or number `sender`."""
    found = read_registration(sender)
    if found is not None:
        with recording():
            record_registration(sender, found)


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def read_sender_registrations(after: str = "") -> None:
    """Stage a reading for each sender of a page, and the next page."""
    with recording():
        senders = senders_in_use(after, BATCH)
        for sender in senders:
            stage_again("read_sender_registration", sender, sender, fair_to="")
        if len(senders) == BATCH:
            stage_again("read_sender_registrations", senders[-1], senders[-1], fair_to="")
