"""Poll Twilio for the statuses of texts whose reports were lost, so that no text stays pending for
ever.

Twice is harmless: polling sends nothing, and statuses are merged by rank. Each text is read once an
hour for two days; Twilio itself sends a report at most twice. A text that is still pending after
that, for longer than Twilio queues any, is given up: it counts as undelivered until a report says
otherwise, and another text may be requested. One that was never sent, because its job was given up,
expires.
"""

from datetime import timedelta

from actions.contact.record_text_report import expire_unsent, record_text_report
from actions.contact.request_text import UNDECIDED
from actions.people.unanswered import reopen_unanswered
from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.contact.message import Message
from models.delivery.stage import stage
from models.delivery.staged_job import was_staged
from models.transactions import transaction
from providers.errors import none_if_refused
from providers.twilio import messages as twilio_api
from rules.contact.hours import REQUEST_LIFETIME
from rules.contact.text_status import PENDING
from runtime.clock import real_now

BATCH = 500
QUIET = timedelta(minutes=10)
FOLLOWED = timedelta(days=2)
ON_THEIR_WAY = "accepted", "scheduled", "queued", "sent"


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("follow_texts",))
def poll_text_statuses() -> None:
    """Stage a poll of each text whose status has not changed for a while or that is too old to be
    sent, five hundred at a time.
    """
    now = real_now()
    hour = f"{now:%Y%m%d%H}"
    followed = Message.status.in_(ON_THEIR_WAY) & (
        (Message.created_at > now - FOLLOWED) | Message.status.in_(PENDING)
    )
    quiet = followed & (Message.updated_at < now - QUIET)
    unsent = Message.status.in_(UNDECIDED) & (Message.created_at < now - REQUEST_LIFETIME)
    unasked = ~was_staged("poll_text_status", Message.id.concat(f":{hour}"))
    with transaction():
        texts = list(
            Message.select()
            .where(quiet | unsent, unasked)
            .order_by(Message.updated_at)
            .limit(BATCH)
        )
        for message in texts:
            key = f"{message.id}:{hour}"
            stage("poll_text_status", key, message.id, fair_to=message.account_id)
    if len(texts) == BATCH:
        raise Snooze("more texts are on their way", 0.0)


@job(queue="periodic", calls_out=True, attempts=3, timeout=20, formerly=("follow_text",))
def poll_text_status(message_id: str) -> None:
    """Read the status of text `message_id`, and give it up if it has been pending for too long."""
    message = Message.get_by_id(message_id)
    if message.status in UNDECIDED:
        with recording():
            message = Message.locked(message.id)
            if expire_unsent(message, real_now()):
                reopen_unanswered(message)
        return
    if message.status not in ON_THEIR_WAY or not message.sid:
        return
    report = none_if_refused(twilio_api.fetch_message, message.sid)
    with recording():
        message = Message.locked(message.id)
        now = real_now()
        if report is not None:
            record_text_report(
                message, report.status, report.sid, str(report.error_code or ""), now
            )
        if message.status in PENDING and message.created_at <= now - FOLLOWED:
            message.record_given_up(now)
            reopen_unanswered(message)
