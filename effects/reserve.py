"""Reserve an effect: its row commits with the decision, before anything is sent."""

from datetime import datetime, timedelta
from typing import Any

from effects.kind import Kind
from models.accounts.account import Account
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from runtime.clock import real_now

DEADLINE = timedelta(days=1)


def reserve(
    kind: Kind,
    subject: str,
    request: dict[str, Any],
    invoice: Invoice,
    stripe_account: str,
    asked_by: str,
    reason: str,
    deadline: datetime | None = None,
) -> Effect:
    """Return the effect of `kind` on our row `subject`, reserved now or before. Needs an open
    transaction.

    Its deadline is a day from now unless another is given.
    """
    return _reserve(
        kind,
        subject,
        request,
        deadline,
        invoice.account if kind.daily_limit else None,
        account_id=invoice.account_id,
        invoice_id=invoice.id,
        stripe_account=stripe_account,
        asked_by=asked_by,
        reason=reason,
    )


def reserve_for_account(
    kind: Kind,
    subject: str,
    request: dict[str, Any],
    account_id: str,
    asked_by: str,
    reason: str,
    deadline: datetime | None = None,
) -> Effect:
    """As `reserve`, for effects of an account without an invoice, in the platform's own accounts at
    the providers.
    """
    return _reserve(
        kind,
        subject,
        request,
        deadline,
        account_id=account_id,
        invoice_id=None,
        stripe_account="",
        asked_by=asked_by,
        reason=reason,
    )


def _reserve(
    kind: Kind,
    subject: str,
    request: dict[str, Any],
    deadline: datetime | None,
    account: Account | None = None,
    **about: Any,
) -> Effect:
    now = real_now()
    return Effect.reserve(
        kind.name,
        f"{kind.name}:{subject}",
        kind.provider,
        request,
        deadline or now + DEADLINE,
        now,
        kind.daily_limit,
        account,
        **about,
    )


def reserve_again(
    kind: Kind,
    subject: str,
    request: dict[str, Any],
    invoice: Invoice,
    stripe_account: str,
    asked_by: str,
    reason: str,
) -> Effect:
    """As `reserve`, for effects that may be refused today and accepted tomorrow: each refusal is
    followed by an effect of its own.
    """
    refused = Effect.refusals(kind.name, subject, invoice.id)
    return reserve(
        kind,
        f"{subject}:{refused}" if refused else subject,
        request,
        invoice,
        stripe_account,
        asked_by,
        reason,
    )
