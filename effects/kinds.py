"""What can be done outside: per kind, how it is sent and how it is found at the provider.

A link, a refund or an intent carries in its metadata the id of our row that it was made for
(`attempt_id`), so that it is found whatever happened to the answer; how other kinds are found
stands beside them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.effects.effect import Effect
from providers.stripe import client as stripe_api
from runtime.clock import real_seconds

Json = dict[str, Any]
SKEW = 300  # seconds by which clocks may differ
KEY_LIFE = 23 * 3600  # seconds for which Stripe is sure to remember a key


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of effect: its provider, how to send it and how to find it by its tag.

    `find_asked` finds what was made under our row's tag since that row is there, by an effect we
    may know nothing of any more: the database was restored from a backup. What is closed again does
    not count. Links have none: to find one means to list all, which a batch of thousands that waits
    its turn cannot afford, and a second link moves no money by itself. `expires`: what was not sent
    by the effect's deadline is refused, not sent late. `read` gives the object of an id, for a
    person who settles a doubt by hand; `keep` names what of the object the row remembers. `closes`
    names the object of the request that is to take no money any more: a person who has looked may
    say that it does not, even where we can read nothing, such as in the Stripe account of a clinic
    that disconnected it. `moot` says why it cannot happen any more, such as cancelling what was
    paid; empty while it can.
    """

    name: str
    provider: str
    send: Callable[[Effect], Json]
    find: Callable[[Effect], Json | None]
    find_asked: Callable[[Effect, datetime], Json | None] | None = None
    expires: bool = False
    read: Callable[[Effect, str], Json] | None = None
    keep: tuple[str, ...] = ("id",)
    closes: str = ""
    moot: Callable[[Effect], str] = lambda _effect: ""

    def key_is_alive(self, effect: Effect) -> bool:
        """Whether the provider still remembers the key the effect was first sent with."""
        return effect.sent_at is None or real_seconds() - effect.sent_at.timestamp() < KEY_LIFE

    def kept(self, answer: Json) -> Json:
        """What the row remembers of the provider's object: all that recording it again needs."""
        return {name: answer.get(name) for name in self.keep}


def _send_link(effect: Effect) -> Json:
    return stripe_api.create_payment_link(
        effect.request, effect.stripe_account, effect.idempotency_key
    )


def _find_link(effect: Effect) -> Json | None:
    """Links show no time and cannot be searched: only those newer than the last one surely older
    are looked through.
    """
    older = Effect.confirmed_before(
        "payment_link", effect.stripe_account, effect.created_at - timedelta(seconds=SKEW)
    )
    return stripe_api.find_payment_link(_tag(effect), effect.stripe_account, older)


def _read_link(effect: Effect, link_id: str) -> Json:
    return stripe_api.get_payment_link(link_id, effect.stripe_account)


def _send_refund(effect: Effect) -> Json:
    return stripe_api.create_refund(effect.request, effect.stripe_account, effect.idempotency_key)


def _find_refund(effect: Effect) -> Json | None:
    return stripe_api.find_refund(
        _tag(effect), effect.request["payment_intent"], effect.stripe_account
    )


def _find_refund_asked(effect: Effect, _asked_at: datetime) -> Json | None:
    return _find_refund(effect)


def _read_refund(effect: Effect, refund_id: str) -> Json:
    return stripe_api.get_refund(refund_id, effect.stripe_account)


def _tag(effect: Effect) -> str:
    return str(effect.request["metadata"]["attempt_id"])


_OF_REFUND = ("id", "payment_intent", "amount", "currency", "status", "failure_reason")

PAYMENT_LINK = Kind(
    "payment_link",
    "stripe",
    _send_link,
    _find_link,
    expires=True,
    read=_read_link,
    keep=("id", "url"),
)
REFUND = Kind(
    "refund",
    "stripe",
    _send_refund,
    _find_refund,
    _find_refund_asked,
    expires=True,
    read=_read_refund,
    keep=_OF_REFUND,
)

KINDS = {kind.name: kind for kind in (PAYMENT_LINK, REFUND)}
