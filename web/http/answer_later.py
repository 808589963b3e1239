"""Answers that need a provider: the request commits its rows and jobs first, then performs, then
renders from rows.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Later:
    """What an idempotent responder returns when its answer is rendered after the commit.

    `reference` names the row the answer is rendered from; a repeated request renders it again. It
    is empty where the answer is there already, and only work that nobody has begun is left.
    `location` is where to read what has been accepted, should the answer fail; empty when nothing
    was to be done.
    """

    reference: str
    perform: Callable[[], None]
    location: str = ""


def nothing_to_perform() -> None:
    """For answers that only read: what is read is read when it is rendered."""
