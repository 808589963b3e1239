"""Stripe's two modes: test and live. Their objects never meet, though a Connect endpoint is sent
both.

A key tells its mode; a webhook secret does not. docs.stripe.com/keys: `sk_test_…`, `rk_live_…`,
`pk_live_…`; the keys of an organization say `sk_org_live_…`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

Mode = Literal["live", "test", ""]
_KEY = re.compile(r"(?:sk|rk|pk)_(?:org_)?(live|test)_")
_ELSEWHERE = re.compile(r"a similar object exists in (live|test) mode")


def mode_of_key(key: str) -> Mode:
    """The mode of one of Stripe's keys; empty when it does not tell."""
    found = _KEY.match(key)
    if found is None:
        return ""
    return "live" if found[1] == "live" else "test"


def is_of_other_mode(mode: str, key: str) -> bool:
    """Whether what is of this mode is not there for who has this key; what tells no mode may be."""
    ours = mode_of_key(key)
    return bool(mode and ours and mode != ours)


def other_mode(key: str) -> Mode:
    """The mode that this key is not of; empty when it does not tell its own."""
    ours = mode_of_key(key)
    if not ours:
        return ""
    return "test" if ours == "live" else "live"


def mode_it_exists_in(words: str) -> Mode:
    """The mode in which an object exists that Stripe says is missing in ours; empty when it says of
    none.
    """
    found = _ELSEWHERE.search(words)
    if found is None:
        return ""
    return "live" if found[1] == "live" else "test"


def mode_of(said: object) -> Mode:
    """The mode that an object of Stripe's tells by its `livemode`; empty when it tells none."""
    mode = said.get("livemode") if isinstance(said, Mapping) else None
    if not isinstance(mode, bool):
        return ""
    return "live" if mode else "test"


def mode_of_event(event: Mapping[str, Any]) -> Mode:
    """The mode of an event, by its own `livemode`; should that be none, by its object's."""
    data = event.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    return mode_of(event) or mode_of(subject)


def refuse_mode(event: Mapping[str, Any], key: str) -> str:
    """Why an event must not be taken in by an installation that has this secret key; empty when it
    may.

    An event that does not tell its mode is taken for neither: every event of Stripe's tells it, and
    to take a test payment for real money is worse than to have a person look.
    """
    ours = mode_of_key(key)
    if not ours:
        return ""
    theirs = mode_of_event(event)
    if not theirs:
        return f"it does not say whether it is of live or of test mode, {ours} key"
    return "" if theirs == ours else f"{theirs}-mode event, {ours} key"
