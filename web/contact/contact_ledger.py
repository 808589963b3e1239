"""Everything about contact with a person, in order, and their current status."""

from datetime import datetime
from typing import Any

import falcon
from peewee import ModelSelect

from models.contact.account_sender import sender_of
from models.contact.consent import Consent
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.opt_out import OptOut
from models.contact.phone_suppression import PhoneSuppression
from models.invoices.customer import Customer
from runtime.clock import business_now, rfc3339
from web.contact.answers import ContactLedgerShown
from web.contact.contact_shapes import (
    show_consent,
    show_decision,
    show_message,
    show_opt_out,
    show_suppression,
)
from web.http.auth import caller_of
from web.http.lists import after_of, limit_of
from web.invoices.customers import find_customer
from web.openapi.openapi import PageQuery, documented

# What the ledger is made of: the name of its entries, when each was, what it looks like.
_PARTS: dict[Any, tuple[str, Any, Any]] = {
    Consent: ("consent", Consent.created_at, show_consent),
    OptOut: ("optOut", OptOut.at, show_opt_out),
    ContactDecision: ("decision", ContactDecision.at, show_decision),
    Message: ("message", Message.created_at, show_message),
}


class ContactLedger:
    """`/api/customers/{customer_id}/contact-ledger`"""

    @documented("Contact", {200: ContactLedgerShown}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, customer_id: str) -> None:
        """Consents, opt-outs, decisions and texts, oldest first,
        and the person's current status.
        """
        customer, limit = find_customer(caller_of(req).own, customer_id), limit_of(req)
        rows = _rows(customer)
        last = after_of(req, *rows)
        found = sorted((row for part in rows for row in _next(part, last, limit + 1)), key=_place)
        resp.media = {
            "phone": customer.phone,
            "sms": _standing(customer, "sms"),
            "voice": _standing(customer, "voice"),
        }
        resp.media |= {"data": [_show(row) for row in found[:limit]], "hasMore": len(found) > limit}


def _rows(customer: Customer) -> list["ModelSelect[Any]"]:
    phones = {
        row.phone for row in Consent.select(Consent.phone).where(Consent.customer == customer.id)
    }
    phones |= {
        row.to for row in Message.select(Message.to).where(Message.customer == customer.id)
    } | ({customer.phone} if customer.phone else set())
    return [
        Consent.select().where(Consent.customer == customer.id),
        OptOut.select().where(
            (OptOut.account_id == customer.account_id) & OptOut.phone.in_(sorted(phones))
        ),
        ContactDecision.select().where(ContactDecision.customer_id == customer.id),
        Message.select().where(Message.customer == customer.id),
    ]


def _next(rows: "ModelSelect[Any]", last: Any, limit: int) -> list[Any]:
    at, by = _PARTS[rows.model][1], rows.model.id
    if last is not None:
        moment, last_id = _place(last)
        rows = rows.where((at > moment) | ((at == moment) & (by > last_id)))
    return list(rows.order_by(at, by).limit(limit))


def _place(row: Any) -> tuple[datetime, str]:
    return getattr(row, _PARTS[type(row)][1].name), row.id


def _show(row: Any) -> dict[str, Any]:
    kind, _, show = _PARTS[type(row)]
    return {"id": row.id, "type": kind, "at": rfc3339(_place(row)[0]), kind: show(row)}


def _standing(customer: Customer, channel: str) -> dict[str, Any]:
    phone, senders = customer.phone or "", tuple(sender_of(customer.account_id).values())
    return {
        "consented": Consent.holds(customer.id, phone, channel, business_now()),
        "optedOut": OptOut.holds(customer.account_id, senders, phone, channel),
        "suppressed": show_suppression(PhoneSuppression.of(customer.account_id, phone, channel)),
    }
