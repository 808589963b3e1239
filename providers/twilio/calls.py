"""Calls placed through Twilio, to check whether a clinic's own number forwards to ours.

A Twilio call has no idempotency key and no field for a tag, so the caller must make sure to place
it once, and finds it again by its two numbers and its time.
"""

from datetime import datetime
from typing import Any

from providers.twilio.client import Json, client, iso, mapped_errors, text, word

RINGS = 30  # seconds until an unanswered call is given up
LONGEST = 60  # seconds, the limit on an answered call
PAGE = 100
MAX_LISTED = 400
# statuses of a call that is over
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


def place_test_call(to: str, from_: str, *, twiml: str) -> Json:
    """Call `to` with the caller id `from_`, and play `twiml` once the call is answered."""
    with mapped_errors():
        made = client().calls.create(
            to=to, from_=from_, timeout=RINGS, time_limit=LONGEST, twiml=twiml
        )
        return _plain(made)


def find_calls(to: str, from_: str, after: datetime) -> list[Json]:
    """List calls from `from_` to `to` created at or after `after`, newest first."""
    return _listed(after, to=to, from_=from_)


def calls_to(to: str, since: datetime) -> list[Json]:
    """List calls to `to` from any number created at or after `since`, newest first."""
    return _listed(since, to=to)


def get_call(sid: str) -> Json:
    """Fetch a call in its current state; it is over if its status is in FINAL."""
    with mapped_errors():
        return _plain(client().calls(sid).fetch())


def _listed(since: datetime, **filters: Any) -> list[Json]:
    """List calls created since a time. Twilio's StartTime filter is not used: a call that has not
    begun has none.
    """
    with mapped_errors():
        listed = client().calls.list(limit=MAX_LISTED, page_size=PAGE, **filters)
        first = iso(since.replace(microsecond=0))  # Twilio's times are whole seconds
        return [row for row in map(_plain, listed) if row["created_at"] >= first]


def _plain(call: Any) -> Json:
    """Turn a call into plain values; a field that Twilio omits becomes an empty string. `duration`
    is in seconds.
    """
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
