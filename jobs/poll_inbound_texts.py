"""Find texts in Twilio's list that arrived while we could take none, so that no STOP is lost.

Twice is harmless: a text counts once, whichever source brings it, and the watermark is written when
a page is done. One list is read for all our numbers, from an hour before where the last reading
ended, because a text may be listed later than it arrived. The newest texts are left to their
webhooks.

A text that cannot be taken in gets a job of its own, and the reading goes on.

While Twilio is down or throttles us, the job is retried with growing backoff; what arrives in the
meantime is read once it answers.
"""

from datetime import timedelta

from actions.people.missed_texts import (
    apply_late_stops,
    can_receive_texts,
    receive_failed_text,
    receive_missed_texts,
)
from delivery.attempt import recording
from delivery.registry import job
from models.contact.text_watermark import TextWatermark
from models.delivery.stage import stage_again
from providers.errors import ProviderError
from providers.twilio.messages import list_inbound
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.settings import get_settings

OVERLAP = timedelta(hours=1)
KEY = "twilio"  # one reading at a time


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def poll_inbound_texts() -> None:
    """Stage a reading of Twilio's list, if any number can receive texts."""
    with recording():
        if can_receive_texts():
            stage_again("read_inbound_texts", KEY, fair_to="")


@job(queue="periodic", calls_out=True, attempts=8, timeout=20, backoff=10.0)
def read_inbound_texts() -> None:
    """Take in the missing texts of one page of Twilio's list, and stage the next page."""
    reading = TextWatermark.reading(get_settings().twilio_account_sid, real_now())
    try:
        page = list_inbound(reading.read_to - OVERLAP, reading.next_page)
        texts = [each for each in page.texts if each.created_at <= reading.until]
        are_left = receive_missed_texts(texts)
        apply_late_stops(texts)
    except ProviderError as error:
        if error.outcome == "refused":
            reading.begin_anew()  # start over, so that one bad page does not hold up newer texts
        raise
    killpoint("texts.before_commit")
    with recording():
        if not are_left:
            reading.record(page.next_page)
        if are_left or page.next_page:
            stage_again("read_inbound_texts", KEY, fair_to="")


@job(queue="periodic", calls_out=True, attempts=16, timeout=20, backoff=10.0)
def take_missed_text(sid: str) -> None:
    """Take in the text `sid` of Twilio's, which failed when its page was read."""
    receive_failed_text(sid)
