"""Merge delivery reports of a text into one status: by rank, never by order of arrival. No two
statuses have the same rank.

The first are ours: `waiting` (requested, not decided), `sending` (decided and reserved), `unknown`
(in doubt). `refused` is ours too, and final: the text was never sent. All others are Twilio's.
"""

_RANK = {
    "waiting": 0,
    "sending": 1,
    "unknown": 2,
    "accepted": 3,
    "scheduled": 4,
    "queued": 5,
    "sent": 6,
    "canceled": 7,
    "failed": 8,
    "undelivered": 9,
    "partially_delivered": 10,
    "delivered": 11,
    "read": 12,
}

# in these states no further text may be requested yet
PENDING = frozenset({"waiting", "sending", "unknown", "accepted", "scheduled", "queued"})
FAILED = frozenset({"failed", "undelivered", "canceled", "refused"})


def merged_status(known: str, reported: str) -> str:
    """Merge a reported status into the known one. An unknown or missing Twilio status means only
    that Twilio has the text, so it is polled again, hourly.
    """
    status = "queued" if reported == "sending" else reported
    if known == "refused":
        return known
    if status not in _RANK:
        status = "accepted"
    return status if _RANK[status] > _RANK.get(known, 0) else known
