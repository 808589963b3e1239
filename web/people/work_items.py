"""Work items: what needs a person at the clinic, and what that person decides."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import falcon
from pydantic import Field

from actions.contact.escalate import open_escalation
from actions.contact.ladder.due_jobs import claim_due_jobs
from actions.invoices.invoices import lock_invoice
from actions.people.resolve_item import Choice, find_item, resolve_item
from delivery.perform_now import perform_all, take_due
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import STATES, WorkItem
from rules.contact.work_items import KINDS
from web.http.body import Body, check
from web.http.fields import Moment, Name
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import after_of, choices_of, cut, limit_of
from web.openapi.openapi import PageQuery, documented
from web.people.responses import ItemKind, WorkItemList, WorkItemShown

REPLY_PROBLEMS = ("contact_refused",)
RESOLVE_PROBLEMS = ("contact_refused", "payment_not_refundable", "amount_exceeds_payment")
Note = Annotated[str, Field(max_length=2000)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


class ItemQuery(PageQuery):
    """The filters of the list; each may be repeated."""

    state: list[Literal["open", "resolved"]] | None = None
    kind: list[ItemKind] | None = None


class Resolution(Body):
    """The decision: one of the item's `actions`. `text` is the text of a `reply`, up to 480
    characters: no card number, nothing about health. The note is for staff.
    """

    action: Annotated[str, Field(min_length=1, max_length=40)]
    note: Note = ""
    text: Text | None = None


class Reply(Body):
    """What is texted to the customer, as with the action `reply`."""

    text: Text


class NewEscalation(Body):
    """Why a person has to take over: one of the reasons, with a note for that person; leave health
    out of it. `owner` is who should do it, `dueAt` by when; by default within a day.
    """

    reason: Literal[
        "asked_for_person",
        "dispute",
        "hardship",
        "instalments",
        "attorney",
        "bankruptcy",
        "deceased",
        "anger",
        "confusion",
        "unverified",
        "insurance",
        "other",
    ] = "other"
    note: Note = ""
    owner: Name | None = None
    due_at: Moment | None = None


class WorkItems:
    """`/api/work-items`"""

    @documented("Work items", {200: WorkItemList}, query=ItemQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's work items, newest first; filter by `state` and `kind`."""
        account, limit = caller_of(req).own, limit_of(req)
        last = after_of(req, WorkItem.select().where(WorkItem.account == account))
        rows = WorkItem.listed(
            account,
            choices_of(req, "state", STATES),
            choices_of(req, "kind", tuple(KINDS)),
            last.id if last is not None else None,
            limit + 1,
        )
        resp.media = cut(rows, limit, WorkItemShown.show)


class OneWorkItem:
    """`/api/work-items/{item_id}`"""

    @documented("Work items", {200: WorkItemShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, item_id: str) -> None:
        """One item."""
        resp.media = WorkItemShown.show(find_item(caller_of(req).own, item_id))


class ResumesResolution:
    """A resource that resolves an item. Repeating a request with the same key does what was chosen
    if no worker has begun it: a reply, refunds, an approved contact.
    """

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Send, refund or call if no worker has begun to."""
        context = answer["context"]
        due = [take_due("refund_payment", named) for named in context.get("refundIds", ())]
        if named := context.get("messageId"):
            due.append(take_due("send_payment_link", named))
        if (answer["kind"], answer["resolution"]) == ("draft", "approve"):
            planned = PlannedContact.one("id = ?", answer["subject"])
            due += claim_due_jobs(planned.message_id, planned.call_id) if planned else []
        return partial(perform_all, due)


class ResolveWorkItem(ResumesResolution):
    """`/api/work-items/{item_id}/resolve`"""

    @documented("Work items", {200: WorkItemShown}, body=Resolution, problems=RESOLVE_PROBLEMS)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, item_id: str
    ) -> None:
        """Do what was chosen, and close the item.

        Repeating the same choice changes nothing; another choice is 409.
        """
        caller, wanted = caller_of(req), check(Resolution, document)
        choice = Choice(
            action=wanted.action, actor=caller.actor, note=wanted.note, text=wanted.text or ""
        )
        resp.media = WorkItemShown.show(resolve_item(caller.own, item_id, choice))


class ReplyToWorkItem(ResumesResolution):
    """`/api/work-items/{item_id}/reply`"""

    @documented("Work items", {202: WorkItemShown}, body=Reply, problems=REPLY_PROBLEMS)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, item_id: str
    ) -> None:
        """Text the customer, if the contact gate allows it, and close the item.

        It is the same as resolving the item with `reply`. A text that fails reopens it.
        """
        caller, wanted = caller_of(req), check(Reply, document)
        choice = Choice(action="reply", actor=caller.actor, text=wanted.text)
        resp.status = falcon.HTTP_202
        resp.media = WorkItemShown.show(resolve_item(caller.own, item_id, choice))
        resp.set_header("Location", f"/api/work-items/{item_id}")


class InvoiceEscalations:
    """`/api/invoices/{invoice_id}/escalations`"""

    @documented("Work items", {201: WorkItemShown}, body=NewEscalation)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Hand the invoice over to a person.

        For `attorney`, `bankruptcy`, `deceased`, `hardship` and `dispute`, nobody else contacts the
        customer until their hold is removed. Repeating the same reason returns the same item.
        """
        caller, wanted = caller_of(req), check(NewEscalation, document)
        invoice = lock_invoice(caller.own, invoice_id)
        item = open_escalation(
            invoice.account,
            invoice.customer,
            invoice,
            wanted.reason,
            {"note": wanted.note},
            wanted.due_at,
            owner=wanted.owner,
            by=caller.actor,
        )
        resp.status = falcon.HTTP_201
        resp.media = WorkItemShown.show(item)
        resp.set_header("Location", f"/api/work-items/{item.id}")
