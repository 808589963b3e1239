"""How reports of one text become one status: by rank, never by order of arrival. No two have the
same rank.

Ours come first: `waiting` (asked for, not decided), `sending` (decided and reserved), `unknown` (in
doubt). `refused` is final and ours too: it never left. All others are Twilio's own words.
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

# another must not be asked for yet
PENDING = frozenset({"waiting", "sending", "unknown", "accepted", "scheduled", "queued"})
FAILED = frozenset({"failed", "undelivered", "canceled", "refused"})


def merged_status(known: str, reported: str) -> str:
    """The status that two reports of one text imply. A word of Twilio's that we do not know, or
    none, says that Twilio has the text and no more: so it is asked about again, hourly.
    """
    heard = "queued" if reported == "sending" else reported
    if known == "refused":
        return known
    if heard not in _RANK:
        heard = "accepted"
    return heard if _RANK[heard] > _RANK.get(known, 0) else known
