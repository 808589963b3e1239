"""`/api/accounts/{account_id}/contact-preview`: what the ladder would do in the next days."""

from datetime import datetime
from typing import Literal, Self

import falcon

from actions.contact.ladder.preview import CustomerPreview, PreviewedContact, preview_contacts
from models.invoices.customer import Customer
from web.accounts.accounts import account_of
from web.http.lists import after_of, limit_of, number_of
from web.http.responses import Shown
from web.openapi.openapi import PageQuery, documented

USUAL_DAYS, MOST_DAYS = 7, 31


class PreviewQuery(PageQuery):
    """How many days ahead; by default 7."""

    days: int | None = None


class HappeningShown(Shown):
    """A contact that would be made at `at`, or, with a reason, would not. `days` is its rung of the
    ladder; `isDraft`: it would wait for approval first.
    """

    at: datetime
    channel: Literal["sms", "voice", "person"]
    days: int
    invoice_ids: list[str]
    allowed: bool
    is_draft: bool
    reason_code: str | None
    reason: str | None
    next_allowed_at: datetime | None

    @classmethod
    def of_contact(cls, one: PreviewedContact) -> Self:
        """The answer about one contact."""
        return cls(
            at=one.at,
            channel=one.channel,
            days=one.days,
            invoice_ids=list(one.invoice_ids),
            allowed=not one.code,
            is_draft=one.is_draft,
            reason_code=one.code or None,
            reason=one.reason or None,
            next_allowed_at=one.next_at,
        )


class ComingShown(Shown):
    """What would happen with one customer; `id` is theirs."""

    id: str
    contacts: list[HappeningShown]

    @classmethod
    def of_preview(cls, one: CustomerPreview) -> Self:
        """The answer about one person."""
        return cls(
            id=one.customer_id,
            contacts=[HappeningShown.of_contact(contact) for contact in one.contacts],
        )


class ComingList(Shown):
    """A page of customers who are due for contact, in order of their ids."""

    data: list[ComingShown]
    has_more: bool


class ContactPreview:
    """`/api/accounts/{account_id}/contact-preview`"""

    @documented("Contact", {200: ComingList}, query=PreviewQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Dry-run the ladder's scan for the next days.

        The answer says who would be contacted, when and how, or why not, if nothing else happened.
        Nothing is written, and nobody is contacted.
        """
        account = account_of(req, account_id)
        days = number_of(req, "days", USUAL_DAYS, 1, MOST_DAYS)
        last = after_of(req, Customer.select().where(Customer.account == account))
        people, has_more = preview_contacts(account, days, last.id if last else "", limit_of(req))
        shown = [ComingShown.of_preview(one) for one in people]
        resp.media = ComingList(data=shown, has_more=has_more).document()
