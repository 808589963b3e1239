"""Our books against Stripe's: the latest comparison and its differences."""

from datetime import UTC, datetime
from typing import Any, Literal

import falcon

from models.books.reconciliation import Difference, Reconciliation, latest_runs
from runtime.clock import rfc3339
from web.http.auth import Caller, caller_of
from web.http.lists import page_of
from web.openapi.openapi import PageQuery, Shown, documented

MOST = 500  # differences shown of one run


class DifferenceShown(Shown):
    """One difference; `ours` and `theirs` in minor units. `healed`: the missing events have arrived
    since.
    """

    kind: Literal[
        "payment_missing",
        "payment_differs",
        "payment_refused",
        "payment_unknown",
        "refund_missing",
        "refund_differs",
        "refund_unknown",
        "received",
        "returned",
    ]
    invoice: str | None
    subject: str
    ours: int
    theirs: int
    currency: str
    status: Literal["open", "healed"]
    found_at: datetime


class RunShown(Shown):
    """One comparison of one Stripe account. `compared` is shown to operators only: it counts the
    payments of every account there.
    """

    id: int
    stripe_account: str
    since: datetime
    finished_at: datetime
    compared: int | None
    differences: list[DifferenceShown]


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
        """Differences between our payments and refunds and Stripe's, as of the latest hourly
        comparison. They are shown, never corrected silently.
        """
        caller = caller_of(req)
        own = (caller.account.stripe_account or "") if caller.account is not None else None
        resp.media = page_of(
            req, latest_runs(own), lambda run: _show(run, caller), lambda run: str(run.id)
        )


def _show(run: Reconciliation, caller: Caller) -> dict[str, Any]:
    query = Difference.select().where(Difference.run == run.id).order_by(Difference.id).limit(MOST)
    if caller.account is not None:
        query = query.where(Difference.account_id == caller.account.id)
    return {
        "id": run.id,
        "stripeAccount": run.stripe_account or "platform",
        "since": rfc3339(datetime.fromtimestamp(run.since, UTC)),
        "finishedAt": rfc3339(run.finished_at or run.created_at),
        "compared": run.compared if caller.operator else None,
        "differences": [_show_difference(row) for row in query],
    }


def _show_difference(row: Difference) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "invoice": row.invoice_id,
        "subject": row.subject,
        "ours": row.ours,
        "theirs": row.theirs,
        "currency": row.currency,
        "status": row.state,
        "foundAt": rfc3339(row.found_at),
    }
