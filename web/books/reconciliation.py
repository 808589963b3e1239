"""Our books against Stripe's: the latest comparison and its differences."""

from datetime import UTC, datetime
from typing import Any, Literal, Self

import falcon

from models.books.reconciliation import Difference, Reconciliation, latest_runs
from web.http.guards.auth import Caller, caller_of
from web.http.lists import page_of
from web.http.responses import Shown
from web.openapi.openapi import PageQuery, documented

MOST = 500  # differences shown of one run


class DifferenceShown(Shown):
    """One difference, in minor units. `healed`: the missing events have arrived since,
    or the open intent is changed back.
    """

    kind: Literal[
        "payment_missing",
        "payment_differs",
        "payment_refused",
        "payment_unknown",
        "intent_differs",
        "refund_missing",
        "refund_differs",
        "refund_unknown",
        "received",
        "returned",
    ]
    invoice_id: str | None
    subject: str
    ours: int
    theirs: int
    currency: str
    status: Literal["open", "healed"]
    found_at: datetime

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about a difference."""
        return super().of(row, status=row.state, **given)


class RunShown(Shown):
    """One comparison of one Stripe account. `compared` counts the payments of every account there,
    so only operators see it.
    """

    id: int
    stripe_account: str
    since: datetime
    finished_at: datetime
    compared: int | None
    differences: list[DifferenceShown]

    @classmethod
    def to(cls, caller: Caller, run: Reconciliation) -> Self:
        """The answer about a run: an account sees its own differences, an operator all of them."""
        rows = (
            Difference.select().where(Difference.run == run.id).order_by(Difference.id).limit(MOST)
        )
        if caller.account is not None:
            rows = rows.where(Difference.account_id == caller.account.id)
        return cls.of(
            run,
            stripe_account=run.stripe_account or "platform",
            since=datetime.fromtimestamp(run.since, UTC),
            finished_at=run.finished_at or run.created_at,
            compared=run.compared if caller.rules_all else None,
            differences=[DifferenceShown.of(row) for row in rows],
        )


class ReconciliationReport(Shown):
    """The latest finished comparison of the account's Stripe account, or of all of them for an
    operator who names no account.
    """

    data: list[RunShown]
    has_more: bool


class LatestReconciliation:
    """`/api/finance/reconciliation`"""

    @documented("Finance", {200: ReconciliationReport}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Differences between our books and Stripe's, as of the latest hourly comparison.

        They concern payments and refunds, and are shown, never corrected silently.
        """
        caller = caller_of(req)
        own = (caller.account.stripe_account or "") if caller.account is not None else None
        resp.media = page_of(
            req,
            latest_runs(own),
            lambda run: RunShown.to(caller, run).document(),
            lambda run: str(run.id),
        )
