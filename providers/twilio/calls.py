"""Calls that we place through Twilio: to hear whether a clinic's own number forwards to ours.

A call has no idempotency key and no field for a tag: whoever places one makes sure that it is
placed once, and finds it again by its two numbers and its time.
"""

from datetime import datetime
from typing import Any

from providers.twilio.client import Json, client, iso, mapped_errors, text, word

RINGS = 30  # seconds until a call that nobody answers is given up
LONGEST = 60  # seconds, whatever answers
PAGE = 100
MAX_LISTED = 400
# those that are over
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


def place_test_call(to: str, from_: str, *, twiml: str) -> Json:
    """Call `to`, showing `from_`; whoever answers hears `twiml`."""
    with mapped_errors():
        made = client().calls.create(
            to=to, from_=from_, timeout=RINGS, time_limit=LONGEST, twiml=twiml
        )
        return _plain(made)


def find_calls(to: str, from_: str, after: datetime) -> list[Json]:
    """Calls from `from_` to `to` that were made since a time, newest first."""
    return _listed(after, to=to, from_=from_)


def calls_to(to: str, since: datetime) -> list[Json]:
    """Calls to `to` that were made since a time, newest first, whoever called."""
    return _listed(since, to=to)


def get_call(sid: str) -> Json:
    """A call in its present state; over when its status is in FINAL."""
    with mapped_errors():
        return _plain(client().calls(sid).fetch())


def _listed(since: datetime, **filters: Any) -> list[Json]:
    """The list is not narrowed by Twilio's StartTime: a call that has not begun has none."""
    with mapped_errors():
        listed = client().calls.list(limit=MAX_LISTED, page_size=PAGE, **filters)
        first = iso(since.replace(microsecond=0))  # Twilio's times are whole seconds
        return [row for row in map(_plain, listed) if row["created_at"] >= first]


def _plain(call: Any) -> Json:
    """A call as plain values; what Twilio leaves out is an empty text. `duration` in seconds."""
    return {
        "id": word(call.sid),
        "status": word(call.status),
        "to": text(call.to),
        "from": text(call._from),  # noqa: SLF001  # the SDK's name for a field it shows
        "direction": text(call.direction),
        "forwarded_from": text(call.forwarded_from),
        "duration": int(call.duration or 0),
        "created_at": iso(call.date_created),
        "started_at": iso(call.start_time),
        "ended_at": iso(call.end_time),
    }
