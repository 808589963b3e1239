"""Texts whose reports were lost are asked about at Twilio, so that none stays on its way for ever.

Twice is harmless: asking sends nothing, and what is told is taken in by rank. Each text is asked about once an hour,
for two days; Twilio itself tries a report only twice.
"""

from datetime import timedelta

from delivery.attempt import recording
from delivery.registry import job
from delivery.stage import stage
from models.message import Message
from models.text_report import lock_message, record_text_report
from providers import twilio_api
from runtime.clock import real_now

BATCH = 500
QUIET = timedelta(minutes=10)
FOLLOWED = timedelta(days=2)
ON_THEIR_WAY = ("accepted", "scheduled", "queued", "sent")


@job(queue="periodic", attempts=3, timeout=20)
def follow_texts() -> None:
    """Stage a look at each text that has been quiet for a while."""
    now = real_now()
    quiet = Message.status.in_(ON_THEIR_WAY) & (Message.updated_at < now - QUIET) & (Message.created_at > now - FOLLOWED)
    with recording():
        for message in Message.select().where(quiet).order_by(Message.updated_at).limit(BATCH):
            stage(follow_text, f"{message.id}:{now:%Y%m%d%H}", message.id)


@job(queue="periodic", attempts=3, timeout=20)
def follow_text(message_id: str) -> None:
    """Ask about text `message_id`."""
    message = Message.get_by_id(message_id)
    if message.status not in ON_THEIR_WAY or not message.sid:
        return
    told = twilio_api.fetch_message(message.sid)
    with recording():
        record_text_report(lock_message(message.id), told.status, told.sid, str(told.error_code or ""), real_now())
