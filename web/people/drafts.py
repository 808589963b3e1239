"""`POST /api/contact-drafts/approve`: approving several drafted contacts at once."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Self

import falcon
from pydantic import Field

from actions.contact.ladder.drafts import Approval, approve_draft, draft_of
from actions.contact.ladder.due_jobs import claim_due_jobs
from actions.people.lock_order import lock_people
from delivery.perform_now import perform_all
from web.http.body import Body, check
from web.http.fields import Id
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.responses import Shown
from web.openapi.openapi import documented

AT_ONCE = 10  # most jobs that a repeated request performs, so that its answer is not late


class Approved(Body):
    """The drafts, by their ids or those of their work items."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=100)]


class ApprovalShown(Shown):
    """What happened to a draft: `performed`; `waiting` until the contact gate allows it, from
    `nextAllowedAt` on; `refused` by the gate or the balance; `expired`, `superseded` or `declined`
    earlier; or `not_found`.
    """

    id: str
    outcome: Literal[
        "performed", "waiting", "refused", "expired", "superseded", "declined", "not_found"
    ]
    reason_code: str | None
    reason: str | None
    next_allowed_at: datetime | None
    message_id: str | None
    call_id: str | None

    @classmethod
    def of_approval(cls, named: str, one: Approval) -> Self:
        """The answer about one draft."""
        return cls(
            id=named,
            outcome=one.outcome,
            reason_code=one.code or None,
            reason=one.reason or None,
            next_allowed_at=one.next_at,
            message_id=one.message_id,
            call_id=one.call_id,
        )


class ApprovalList(Shown):
    """What happened to each draft, in the order of the request."""

    data: list[ApprovalShown]


class ApproveDrafts:
    """`/api/contact-drafts/approve`"""

    @documented("Work items", {200: ApprovalList}, body=Approved)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> None:
        """Make the drafted contacts that the balance and the contact gate allow now.

        The answer says what happened to each. Approving a draft again returns its outcome.
        """
        caller, wanted = caller_of(req), check(Approved, document)
        account = caller.own
        drafts = {named: draft_of(account, named) for named in wanted.ids}
        people = {named: draft.customer_id for named, draft in drafts.items() if draft is not None}
        lock_people(account, people.values())
        # one customer after the other, in the order in which they are locked
        approved = {
            named: approve_draft(account, named, caller.actor)
            for named in sorted(drafts, key=lambda named: people.get(named, ""))
        }
        shown = [ApprovalShown.of_approval(named, approved[named]) for named in drafts]
        resp.media = ApprovalList(data=shown).document()
        resp.set_header("Location", "/api/work-items?kind=draft")

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Make the first of the contacts that no worker has begun to make."""
        due: list[int] = []
        for row in sorted(answer["data"], key=lambda row: str(row["id"])):
            if len(due) < AT_ONCE:
                due += claim_due_jobs(row["messageId"], row["callId"])
        return partial(perform_all, due)
