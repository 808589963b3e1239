"""Answers that need a provider: the request commits its rows and jobs, performs the jobs, then
renders the answer from rows.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeferredAnswer:
    """What an idempotent responder returns when its answer is rendered after the commit.

    `reference` names the row that the answer is rendered from; a repeated request renders it again.
    It is empty if the answer is already complete and `perform` only does work that nobody has
    begun. `location` is where to read what was accepted, in case rendering fails; it is empty if
    there was nothing to do.
    """

    reference: str
    perform: Callable[[], None]
    location: str = ""


def nothing_to_perform() -> None:
    """The `perform` of an answer that only has to be rendered."""
