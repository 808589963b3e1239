"""What can be done outside: per kind, how it is sent and how it is found at the provider.

Every kind here is tagged at the provider with its effect's id, so that it can be found whatever
happened to the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.effect import Effect
from providers import stripe_api
from runtime.clock import real_seconds

Json = dict[str, Any]
SKEW = 300  # seconds by which clocks may differ
KEY_LIFE = 23 * 3600  # seconds for which Stripe is sure to remember a key


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of effect: its provider, how to send it and how to find it by its tag."""

    name: str
    provider: str
    send: Callable[[Effect], Json]
    find: Callable[[Effect], Json | None]

    def key_is_alive(self, effect: Effect) -> bool:
        """Whether the provider still remembers the key the effect was first sent with."""
        return effect.sent_at is None or real_seconds() - effect.sent_at.timestamp() < KEY_LIFE


def _send_link(effect: Effect) -> Json:
    return stripe_api.create_payment_link(effect.request, effect.stripe_account, effect.idempotency_key)


def _find_link(effect: Effect) -> Json | None:
    return stripe_api.find_payment_link(effect.request["metadata"]["attempt_id"], effect.stripe_account, int(effect.created_at.timestamp()) - SKEW)


def _send_refund(effect: Effect) -> Json:
    return stripe_api.create_refund(effect.request, effect.stripe_account, effect.idempotency_key)


def _find_refund(effect: Effect) -> Json | None:
    return stripe_api.find_refund(effect.request["metadata"]["attempt_id"], effect.request["payment_intent"], effect.stripe_account)


PAYMENT_LINK = Kind("payment_link", "stripe", _send_link, _find_link)
REFUND = Kind("refund", "stripe", _send_refund, _find_refund)

KINDS = {kind.name: kind for kind in (PAYMENT_LINK, REFUND)}
