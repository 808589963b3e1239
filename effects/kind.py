"""What each kind of effect declares about itself, in the files of its subject's folder.

A link, a refund or an intent carries in its metadata the id of the row that it was made for
(`attempt_id`), so that it can be found even if the answer was lost.
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
NEAR = 300  # the same for what carries no tag: an older one may be another effect's
KEY_LIFE = 23 * 3600  # seconds for which Stripe is sure to remember a key (it promises 24 hours)


class Cost(Enum):
    """Whose money an effect costs, in words for staff."""

    NOTHING = "nothing"
    PAYER = "the payer: their card is charged"
    CLINIC = "the clinic: the payer gets money back, and Stripe keeps its fees"
    PROVIDER_FEE = "the provider's fee for each one sent"
    PLATFORM = "the platform: the provider bills it, once or each month"
    SETUP = "the clinic: its card is charged the setup fee"


def tag_of(effect: Effect) -> str:
    """The id of our row, as carried by the object at the provider."""
    return str(effect.request["metadata"]["attempt_id"])


def carries_tag(effect: Effect, made: Json) -> bool:
    """Whether the provider's object carries the tag of `effect`."""
    asked = effect.request.get("metadata") or {}
    found = made.get("metadata") or {}
    return bool(found.get("attempt_id") == asked.get("attempt_id"))


def refused_by_provider(code: str, said: str) -> str:
    """Explain a refusal whose code we have no words for, from the provider's own words `said`, and
    say what to do.
    """
    words = said.strip().rstrip(".")
    why = f"{words} ({code})" if code else words
    return (
        f"The provider refused it: {why or 'it gave no reason'}. Correct what it names, in the"
        " invoice or in the provider's dashboard, and ask again."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of effect. Each declares every field that has no default.

    `does` describes it for staff. `recorded_by` is the job that records its outcome. That job's key
    is the part of the effect's key after the kind; with `many_per_job`, only the first part of that
    (a page, or the number of the try, follows).

    `daily_limit` is the ceiling it counts towards, if any. `costs` says whose money it costs, and
    `undone_by` names the kind that undoes it, if any.

    `send` makes it, and `find` finds it at the provider by its tag. `find_asked` finds an object
    made under our row's tag at any time since the row was created, even by an effect that was lost
    when the database was restored from a backup; closed objects do not count. Links have no
    `find_asked`: to find one means to list all, which a batch of thousands cannot afford, and a
    second link moves no money by itself.

    `keyed` says whether the provider takes a key that makes a retry harmless. If not, an effect
    that might have been sent is looked up by its tag before it is sent again.

    `expires`: after the effect's deadline it is refused, not sent late. `keep` names the fields of
    the provider's object that the row stores.

    A person settles a doubt by hand in one of two ways. `read` fetches an object by id, and
    `is_its_own` says whether it is the one that was requested. `target_field` names the object in
    the request that must not take money any more: a person who has looked may state that it does
    not, even if we cannot read it, such as after a clinic has disconnected its Stripe account.

    `superseded` says why the effect cannot happen any more (such as cancelling an intent that was
    paid), or returns "" while it can. `why_refused` explains a refusal to staff, from its code and
    the provider's own words.
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
        """The key of the staged job that records this effect."""
        key = effect.key.removeprefix(f"{self.name}:")
        return key.partition(":")[0] if self.many_per_job else key

    def key_is_alive(self, effect: Effect) -> bool:
        """Whether the provider still remembers the key with which the effect was first sent."""
        if effect.sent_at is None:
            return True
        return self.keyed and real_seconds() - effect.sent_at.timestamp() < KEY_LIFE

    def kept(self, answer: Json) -> Json:
        """The fields of the provider's object that the row stores: all that recording it again
        needs.
        """
        return {name: answer.get(name) for name in self.keep}
