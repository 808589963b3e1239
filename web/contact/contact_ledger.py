"""Everything about contact with a customer, in order, and their current status at the number that
they are contacted at.
"""

from datetime import datetime
from typing import Any

import falcon
from peewee import ModelSelect

from actions.invoices.customers import find_customer
from models.calling.call import Call
from models.contact.account_sender import sender_of
from models.contact.consent import Consent
from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.message import Message
from models.contact.opt_out import OptOut
from models.contact.phone_suppression import PhoneSuppression
from models.invoices.customer import Customer
from rules.contact.phones import phone_or_empty
from runtime.clock import business_now
from web.calling.responses import CallShown
from web.contact.responses import (
    ChannelStanding,
    ConsentShown,
    ContactLedgerShown,
    DecisionShown,
    HoldShown,
    LedgerEntry,
    MessageShown,
    OptOutShown,
    SuppressionShown,
)
from web.http.guards.auth import caller_of
from web.http.lists import after_of, limit_of
from web.openapi.openapi import PageQuery, documented

# The ledger's parts: the name of their entries, the column with their time, how they are shown.
_PARTS: dict[Any, tuple[str, Any, Any]] = {
    Consent: ("consent", Consent.created_at, ConsentShown),
    OptOut: ("optOut", OptOut.at, OptOutShown),
    Hold: ("hold", Hold.created_at, HoldShown),
    ContactDecision: ("decision", ContactDecision.at, DecisionShown),
    Message: ("message", Message.created_at, MessageShown),
    Call: ("call", Call.created_at, CallShown),
}


class ContactLedger:
    """`/api/customers/{customer_id}/contact-ledger`"""

    @documented("Contact", {200: ContactLedgerShown}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, customer_id: str) -> None:
        """Consents, opt-outs, holds, decisions, texts and calls (including those that staff
        made by hand), oldest first, and the customer's current status.
        """
        customer = find_customer(caller_of(req).own, customer_id)
        limit = limit_of(req)
        rows = _rows(customer)
        last = after_of(req, *rows)
        found = sorted(
            (row for part in rows for row in _next(part, last, limit + 1)), key=_merge_key
        )
        resp.media = ContactLedgerShown(
            phone=customer.preferred_phone or None,
            sms=_standing(customer, "sms"),
            voice=_standing(customer, "voice"),
            data=[_entry(row) for row in found[:limit]],
            has_more=len(found) > limit,
        ).document()


def _rows(customer: Customer) -> list["ModelSelect[Any]"]:
    phones = {
        row.phone for row in Consent.select(Consent.phone).where(Consent.customer == customer.id)
    }
    phones |= {row.to for row in Message.select(Message.to).where(Message.customer == customer.id)}
    phones |= {
        phone_or_empty(row.line)
        for row in Call.select(Call.direction, Call.to, Call.from_number).where(
            Call.customer == customer.id
        )
    }
    phones |= {customer.phone or "", customer.preferred_phone}
    return [
        Consent.select().where(Consent.customer == customer.id),
        OptOut.select().where(
            (OptOut.account_id == customer.account_id) & OptOut.phone.in_(sorted(phones - {""}))
        ),
        Hold.select().where(Hold.customer == customer.id),
        ContactDecision.select().where(ContactDecision.customer_id == customer.id),
        Message.select().where(Message.customer == customer.id),
        Call.select().where(Call.customer == customer.id),
    ]


def _next(rows: "ModelSelect[Any]", last: Any, limit: int) -> list[Any]:
    at, by = _PARTS[rows.model][1], rows.model.id
    if last is not None:
        moment, last_id = _place(last)
        rows = rows.where((at > moment) | ((at == moment) & (by > last_id)))
    return list(rows.order_by(at, by).limit(limit))


def _place(row: Any) -> tuple[datetime, str]:
    return getattr(row, _PARTS[type(row)][1].name), row.id


def _merge_key(row: Any) -> tuple[datetime, str]:
    """The key that the parts are merged by. Rows of one part with the same time keep the database's
    order, which may sort text differently from ours.
    """
    moment, row_id = _place(row)
    return moment, row_id.partition("_")[0]


def _entry(row: Any) -> LedgerEntry:
    kind, _, shown = _PARTS[type(row)]
    return LedgerEntry.model_validate(
        {"id": row.id, "type": kind, "at": _place(row)[0], kind: shown.of(row)}
    )


def _standing(customer: Customer, channel: str) -> ChannelStanding:
    phone = customer.preferred_phone
    senders = tuple(sender_of(customer.account_id).values())
    suppressed = PhoneSuppression.of(customer.account_id, phone, channel)
    return ChannelStanding(
        consented=Consent.holds(customer.id, phone, channel, business_now()),
        opted_out=OptOut.holds(customer.account_id, senders, phone, channel),
        suppressed=SuppressionShown.of(suppressed) if suppressed else None,
    )
