"""A clinic's card for the cost of going live: a form is opened at Stripe, and the card that it
saved is read from there.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import falcon

from actions.deployment.card.open_setup import plan_setup
from actions.deployment.card.payment_required import why_card_not_chargeable
from actions.deployment.card.save_card import (
    FetchedSetup,
    fetch_setup,
    record_setup,
    why_not_saved,
)
from delivery.perform_now import perform_now, take_due
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from models.transactions import transaction
from providers.errors import ProviderError
from providers.stripe.client import MISSING
from providers.stripe.setup_intents import get_setup_intent
from runtime.errors import Refused
from web.accounts.accounts import account_of
from web.deployment.responses import CardSaved, SetupIntentShown
from web.http.body import Body, check
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.fields import Id
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.openapi.openapi import documented

# e.g. it was opened with a key of the other mode (test or live)
FORM_GONE = "Stripe no longer has this card form. Open a new one."


class NewSetupIntent(Body):
    """Empty body."""


class SavedBy(Body):
    """The SetupIntent with which Stripe's form saved the card."""

    setup_intent_id: Id


class SetupIntents:
    """`/api/accounts/{account_id}/setup-intents`"""

    @documented(
        "Going live",
        {201: SetupIntentShown},
        body=NewSetupIntent,
        problems=("rate_limited", "payment_refused", "provider_unavailable"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> DeferredAnswer:
        """Open a card form at Stripe. Nothing is charged."""
        account = account_of(req, account_id)
        check(NewSetupIntent, document)
        attempt, job_id = plan_setup(account, caller_of(req).actor)
        return DeferredAnswer(attempt.id, partial(_perform, job_id), f"/api/accounts/{account.id}")

    def resume(self, reference: str) -> Callable[[], None]:
        """Create the SetupIntent if no worker has begun to."""
        return partial(_perform, take_due("open_setup_intent", reference))

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """201 with the client secret, read from Stripe; it is not stored here."""
        attempt = SetupAttempt.get_by_id(reference)
        if attempt.setup_intent_id is None:
            if attempt.state == "failed":
                raise Refused("payment_refused", f"Stripe refused the form: {attempt.error}")
            raise _stripe_unavailable()
        try:
            intent = get_setup_intent(attempt.setup_intent_id)
        except ProviderError as error:
            if error.code == MISSING:
                raise Refused("payment_refused", FORM_GONE) from error
            raise _stripe_unavailable() from error
        resp.status = falcon.HTTP_201
        resp.media = SetupIntentShown(
            setup_intent_id=intent["id"], client_secret=intent["client_secret"]
        ).document()


class PaymentMethod:
    """`/api/accounts/{account_id}/payment-method`"""

    @documented(
        "Going live",
        {200: CardSaved},
        body=SavedBy,
        problems=("card_declined", "payment_method_required", "provider_unavailable"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> DeferredAnswer:
        """Save the card that the SetupIntent has at Stripe; 402 says why there is none."""
        account, wanted = account_of(req, account_id), check(SavedBy, document)
        attempt = SetupAttempt.one(
            "account_id = ? AND setup_intent_id = ?", account.id, wanted.setup_intent_id
        )
        if attempt is None:
            raise Refused(
                "not_found",
                f"Account {account.id} has no setup intent {wanted.setup_intent_id[:40]}.",
            )
        return DeferredAnswer(f"{attempt.id}:{caller_of(req).actor}", nothing_to_perform)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """200 with the account's card, as Stripe shows it now."""
        attempt_id, _, actor = reference.partition(":")
        attempt = SetupAttempt.get_by_id(attempt_id)
        seen = _read_setup(attempt)
        with transaction():
            record_setup(attempt.id, seen, actor)
        setup = Setup.of(attempt.account_id)
        refused = why_not_saved(setup, seen) if setup is not None else None
        if setup is None or refused is not None or not setup.may_pay:
            raise refused or Refused("payment_method_required", why_card_not_chargeable(setup))
        resp.media = CardSaved.of_setup(setup).document()


def _perform(job_id: int | None) -> None:
    perform_now(job_id)


def _read_setup(attempt: SetupAttempt) -> FetchedSetup:
    try:
        return fetch_setup(attempt.setup_intent_id or "")
    except ProviderError as error:
        if error.code == MISSING:
            raise Refused("payment_method_required", FORM_GONE) from error
        raise _stripe_unavailable() from error


def _stripe_unavailable() -> Problem:
    return Problem(
        "provider_unavailable",
        "Stripe did not answer in time; nothing was charged. Retry with the same Idempotency-Key.",
        headers={"Retry-After": "3"},
    )
