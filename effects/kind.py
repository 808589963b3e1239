"""What a kind of effect says of itself, in the file of what it is about.

A link, a refund or an intent carries in its metadata the id of our row that it was made for
(`attempt_id`), so that it is found whatever happened to the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from models.effects.daily_limit import Limited
from models.effects.effect import Effect
from runtime.clock import real_seconds

Json = dict[str, Any]
SKEW = 900  # seconds by which clocks may differ
KEY_LIFE = 23 * 3600  # seconds for which Stripe is sure to remember a key


class Cost(Enum):
    """Whose money an effect costs, in words for people."""

    NOTHING = "nothing"
    PAYER = "the payer: their card is charged"
    CLINIC = "the clinic: the payer gets money back, and Stripe keeps its fees"
    PROVIDER_FEE = "the provider's fee for each one sent"
    PLATFORM = "the platform: the provider bills it, once or each month"
    SETUP = "the clinic: its card is charged the setup fee"


def tag_of(effect: Effect) -> str:
    """The id of our row that the object at the provider carries."""
    return str(effect.request["metadata"]["attempt_id"])


def carries_tag(effect: Effect, made: Json) -> bool:
    """Whether the provider's object carries the tag of `effect`."""
    asked = effect.request.get("metadata") or {}
    found = made.get("metadata") or {}
    return bool(found.get("attempt_id") == asked.get("attempt_id"))


def refused_by_provider(code: str, said: str) -> str:
    """Why a provider refused, when its code has no words of ours, and what to do; `said`: its own
    words.
    """
    words = said.strip().rstrip(".")
    why = f"{words} ({code})" if code else words
    return (
        f"The provider refused it: {why or 'it gave no reason'}. Correct what it names, in the"
        " invoice or in the provider's dashboard, and ask again."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of effect. What has no default must be said by each.

    `does` says for people what it does. `recorded_by` is the job that records what becomes of it;
    the job's key is the part of the effect's key after the kind, and with `many_per_job` only the
    first part of that (a page, or the number of the try, follows).

    `daily_limit` is what it counts towards, if anything. `costs` says whose money it costs, and
    `undone_by` which kind undoes it; None when nothing does.

    `send` makes it, `find` finds it at the provider by its tag. `find_asked` finds what was made
    under our row's tag since that row is there, by an effect we may know nothing of any more: the
    database was restored from a backup. What was closed since does not count. Links have none: to
    find one means to list all, which a batch of thousands that waits its turn cannot afford, and a
    second link moves no money by itself.

    `keyed` says whether the provider takes a key that makes a repetition harmless. Where it does
    not, what may have been sent is looked for by its tag before it is sent again.

    `expires`: what was not sent by the effect's deadline is refused, not sent late. `keep` names
    what of the provider's object the row remembers.

    A person settles a doubt by hand in one of two ways. `read` gives the object of an id, and
    `is_its_own` says whether that is the one asked for. `target_field` names the object of the
    request that is to take no money any more: a person who has looked may say that it does not,
    even where we can read nothing, such as in the Stripe account of a clinic that disconnected it.

    `superseded` says why it cannot happen any more, such as cancelling what was paid; empty while
    it can. `why_refused` explains a refusal to people, from its code and the provider's
    own words.
    """

    name: str
    provider: str
    does: str
    recorded_by: str
    many_per_job: bool
    daily_limit: Limited | None
    costs: Cost
    undone_by: str | None
    expires: bool
    keep: tuple[str, ...]
    send: Callable[[Effect], Json]
    find: Callable[[Effect], Json | None]
    find_asked: Callable[[Effect, datetime], Json | None] | None = None
    keyed: bool = True
    read: Callable[[Effect, str], Json] | None = None
    is_its_own: Callable[[Effect, Json], bool] = carries_tag
    target_field: str = ""
    superseded: Callable[[Effect], str] = lambda _effect: ""
    why_refused: Callable[[str, str], str] = refused_by_provider

    def job_key(self, effect: Effect) -> str:
        """The key under which the job that records this effect is staged."""
        key = effect.key.removeprefix(f"{self.name}:")
        return key.partition(":")[0] if self.many_per_job else key

    def key_is_alive(self, effect: Effect) -> bool:
        """Whether the provider still remembers the key the effect was first sent with."""
        if effect.sent_at is None:
            return True
        return self.keyed and real_seconds() - effect.sent_at.timestamp() < KEY_LIFE

    def kept(self, answer: Json) -> Json:
        """What the row remembers of the provider's object: all that recording it again needs."""
        return {name: answer.get(name) for name in self.keep}
