"""How far Twilio's list of messages has been read: every text that came in up to there was taken
in.
"""

from datetime import datetime, timedelta
from typing import Self

from peewee import TextField

from models.base import Instant, Row
from runtime.settings import get_settings

FIRST = timedelta(days=3)  # that are read where nothing has been before
SETTLED = timedelta(minutes=2)  # after which a webhook, and its second try, have come or will not
PAGES_KEPT = timedelta(hours=1)  # for which a reading goes on at its page; then it begins anew


class TextWatermark(Row):
    """One Twilio account's. While a reading is under way, `until` is up to when it reads, and
    `next_page` the address of the page at which it goes on, empty for the first.
    """

    twilio_account = TextField(primary_key=True)
    read_to = Instant()
    until = Instant(null=True)
    next_page = TextField(default="")

    @classmethod
    def reading(cls, twilio_account: str, now: datetime) -> Self:
        """The reading to go on with, which may be a new one; nothing is written."""
        row = cls.one("twilio_account = ?", twilio_account)
        if row is None:
            row = cls(twilio_account=twilio_account, read_to=now - FIRST)
        if row.until is None or row.until < now - PAGES_KEPT:
            settings = get_settings()
            settled = settings.shortened(SETTLED.total_seconds(), settings.payphone_settling)
            row.until, row.next_page = now - timedelta(seconds=settled), ""
        return row

    def begin_anew(self) -> None:
        """Let the next reading begin with the newest text again, if this one had gone further."""
        if self.next_page:
            self._write(until=None, next_page="")

    def record(self, next_page: str) -> None:
        """A page was read; without a next one, everything up to `until` was."""
        self.next_page = next_page
        if not next_page:
            self.read_to, self.until = self.until, None
        if not self.insert_new("twilio_account"):
            self._write(read_to=self.read_to, until=self.until, next_page=next_page)
