"""The states of a call, and how Vapi's reports merge in whatever order they arrive."""

# by rank: a report never moves a call back
_RANKS = {
    "waiting": 0,
    "sending": 0,
    "unknown": 0,
    "refused": 0,
    "queued": 1,
    "ringing": 2,
    "in_progress": 3,
    "ended": 4,
}
# in these states no other call to the person may be requested
PENDING = ("waiting", "sending", "unknown", "queued", "ringing", "in_progress")
# the call may be in progress, and our record of it out of date
LIVE = frozenset({"sending", "unknown", "queued", "ringing", "in_progress"})
# Vapi has accepted the call, so it can be fetched there
AT_VAPI = ("queued", "ringing", "in_progress")
STATES = frozenset(_RANKS)

_OF_VAPI = {
    "scheduled": "queued",
    "queued": "queued",
    "ringing": "ringing",
    "in-progress": "in_progress",
    "forwarding": "in_progress",
    "ended": "ended",
}


def state_of(status: str) -> str:
    """Our state for Vapi's status of a call; empty for a status that does not map to one."""
    return _OF_VAPI.get(status, "")


def merged_state(known: str, reported: str) -> str:
    """Merge a reported state into the `known` one: the one of higher rank wins."""
    return reported if _RANKS.get(reported, -1) > _RANKS[known] else known
