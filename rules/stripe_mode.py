"""Stripe's two modes, test and live. Their objects never mix, but a Connect endpoint receives
events of both.

A key shows its mode; a webhook secret does not. docs.stripe.com/keys: `sk_test_…`, `rk_live_…`,
`pk_live_…`; an organization's keys begin with `sk_org_live_…`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

Mode = Literal["live", "test", ""]
_KEY = re.compile(r"(?:sk|rk|pk)_(?:org_)?(live|test)_")
_ELSEWHERE = re.compile(r"a similar object exists in (live|test) mode")


def mode_of_key(key: str) -> Mode:
    """The mode of a Stripe key; empty if it does not show one."""
    found = _KEY.match(key)
    if found is None:
        return ""
    return "live" if found[1] == "live" else "test"


def is_of_other_mode(mode: str, key: str) -> bool:
    """Whether an object of `mode` is out of reach for this key; False if either mode is unknown."""
    ours = mode_of_key(key)
    return bool(mode and ours and mode != ours)


def other_mode(key: str) -> Mode:
    """The mode that this key cannot access; empty if its own is unknown."""
    ours = mode_of_key(key)
    if not ours:
        return ""
    return "test" if ours == "live" else "live"


def mode_it_exists_in(words: str) -> Mode:
    """The mode in which, by Stripe's error message, an object that is missing in ours exists; empty
    if it names none.
    """
    found = _ELSEWHERE.search(words)
    if found is None:
        return ""
    return "live" if found[1] == "live" else "test"


def mode_of(said: object) -> Mode:
    """The mode of a Stripe object, from its `livemode`; empty if it has none."""
    mode = said.get("livemode") if isinstance(said, Mapping) else None
    if not isinstance(mode, bool):
        return ""
    return "live" if mode else "test"


def mode_of_event(event: Mapping[str, Any]) -> Mode:
    """The mode of an event, from its own `livemode`, or else from its object's."""
    data = event.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    return mode_of(event) or mode_of(subject)


def refuse_mode(event: Mapping[str, Any], key: str) -> str:
    """Why an installation with this secret key must not process an event; empty if it may.

    An event without a mode is refused: every Stripe event has one, and taking a test payment for
    real money is worse than having an operator look.
    """
    ours = mode_of_key(key)
    if not ours:
        return ""
    theirs = mode_of_event(event)
    if not theirs:
        return f"it does not say whether it is of live or of test mode, {ours} key"
    return "" if theirs == ours else f"{theirs}-mode event, {ours} key"
