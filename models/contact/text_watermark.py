"""How far Twilio's list of messages was read: every inbound text up to there is processed."""

from datetime import datetime, timedelta
from typing import Self

from peewee import TextField

from models.base import Instant, Row
from runtime.settings import get_settings

FIRST = timedelta(days=3)  # how far back the first reading goes
SETTLED = timedelta(minutes=2)  # after which a webhook and its retry have arrived, or never will
PAGES_KEPT = timedelta(hours=1)  # for which a reading resumes at its page; then it restarts


class TextWatermark(Row):
    """The watermark of one Twilio account.

    During a reading, `until` is the time up to which it reads, and `next_page` the address of the
    page to resume at, empty for the first.
    """

    twilio_account = TextField(primary_key=True)
    read_to = Instant()
    until = Instant(null=True)
    next_page = TextField(default="")

    @classmethod
    def reading(cls, twilio_account: str, now: datetime) -> Self:
        """The reading to resume, or a new one; writes nothing."""
        row = cls.one("twilio_account = ?", twilio_account)
        if row is None:
            row = cls(twilio_account=twilio_account, read_to=now - FIRST)
        if row.until is None or row.until < now - PAGES_KEPT:
            settings = get_settings()
            settled = settings.shortened(SETTLED.total_seconds(), settings.payphone_settling)
            row.until, row.next_page = now - timedelta(seconds=settled), ""
        return row

    def begin_anew(self) -> None:
        """Make the next reading restart at the newest text, if this one is past its first page."""
        if self.next_page:
            self._write(until=None, next_page="")

    def record(self, next_page: str) -> None:
        """Record that a page was read. Without a next page, all up to `until` has been read."""
        self.next_page = next_page
        if not next_page:
            self.read_to, self.until = self.until, None
        if not self.insert_new("twilio_account"):
            self._write(read_to=self.read_to, until=self.until, next_page=next_page)
