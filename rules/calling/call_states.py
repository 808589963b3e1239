"""The states of a call, and how Vapi's reports of them merge, in whatever order they come."""

# by rank: a report never takes a call back
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
# while it is one of these, no other call to the person may be requested
PENDING = ("waiting", "sending", "unknown", "queued", "ringing", "in_progress")
# it may be going on: what was said of it last may be out of date
LIVE = frozenset({"sending", "unknown", "queued", "ringing", "in_progress"})
# it is at Vapi, so that Vapi can be asked about it
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
    """Our word for Vapi's status of a call; empty for one that says nothing of where it is."""
    return _OF_VAPI.get(status, "")


def merged_state(known: str, told: str) -> str:
    """The state of a call that is `known`, after a report that it is `told`."""
    return told if _RANKS.get(told, -1) > _RANKS[known] else known
