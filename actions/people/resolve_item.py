"""Resolve a work item: each kind's actions do what `rules/contact/work_items.py` says. `PERFORM`
maps an action to its function; an action that is not in it only closes the item.
"""

from collections.abc import Callable
from dataclasses import dataclass

from actions.calling.end_by_hand import ENDED, NEVER_PLACED, call_in_doubt, end_by_hand
from actions.calling.record_call_report import locked_with_invoices
from actions.contact.holds import place_hold
from actions.contact.ladder.drafts import approve_item, decline_draft
from actions.payments.returns.request_refund import request_refund
from actions.people.lock_order import lock_people
from actions.people.overpayments_and_disputes import overpaid_amount
from actions.people.text_answer import answer_item
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.contact.contact_course import ContactCourse
from models.contact.hold import customer_key
from models.contact.phone_suppression import PhoneSuppression
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import WorkItem
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.refund_request import RefundRequest, refundable
from models.transactions import serialize_on, transaction
from rules.contact.work_items import BY_HAND, actions_of
from rules.invoice_fold import UNPAID
from rules.money import in_words
from runtime.clock import business_now, real_now
from runtime.errors import Refused

CHANNELS = ("sms", "voice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person decided: an action of the item's kind, with `text` if it is a reply."""

    action: str
    actor: str
    note: str = ""
    text: str = ""


Perform = Callable[[WorkItem, Choice], None]


def find_item(account: Account, item_id: str) -> WorkItem:
    """The account's own item. Raises Refused `not_found`."""
    item = WorkItem.one("id = ? AND account_id = ?", item_id, account.id)
    if item is None:
        raise Refused("not_found", f"There is no work item {item_id[:40]}.")
    return item


def resolve_item(account: Account, item_id: str, choice: Choice) -> WorkItem:
    """Perform the chosen action, and close the item; the same choice twice changes nothing. Raises
    Refused: `invalid` for an action that the kind does not have, `conflict` if another action was
    chosen before, and whatever the action itself refuses.
    """
    with transaction():
        found = find_item(account, item_id)
        _check_known(found, choice.action)
        _lock_subjects(account, found, choice.action)
        item = WorkItem.locked(found.id)
        if not item.is_open:
            if item.resolution == choice.action:
                return item
            raise Refused(
                "conflict",
                f"Work item {item.id} was resolved already ({item.resolution}), by"
                f" {item.resolved_by}. Read it again.",
            )
        # first, because the action might close the item itself, without the note
        item.record_resolved(choice.action, choice.actor, choice.note)
        perform = PERFORM.get((item.kind, choice.action))
        if perform is not None:
            perform(item, choice)
        AuditEntry.record(
            choice.actor,
            "work_item.resolved",
            f"invoice:{item.invoice_id}" if item.invoice_id else f"work_item:{item.id}",
            item.account_id,
            work_item_id=item.id,
            kind=item.kind,
            resolution=choice.action,
        )
    return item


def _lock_subjects(account: Account, found: WorkItem, action: str) -> None:
    """Lock the item's invoices and customers; the item itself is locked after them."""
    named = [] if found.invoice_id is None else [found.invoice_id]
    if action in BY_HAND:  # as every decision about one of them locks
        lock_people(account, _people_called(found), *named, phone=_phone_of(found))
        return
    if found.kind == "draft" and found.customer_id is not None:
        lock_people(account, [found.customer_id], *named)
        return
    call = call_in_doubt(found) if found.kind == "doubt" else None
    if call is not None:
        locked_with_invoices(call)
        return
    for invoice_id in named:
        Invoice.locked(invoice_id)
    if found.customer_id is not None:
        serialize_on(customer_key(found.customer_id))


def _check_known(item: WorkItem, action: str) -> None:
    known = actions_of(item.kind, item.subject, item.context)
    if action not in known:
        message = f"is none of {item.kind}; {', '.join(known)} is accepted"
        raise Refused(
            "invalid",
            f"action {action[:40]!r} {message}. Send one of these.",
            [{"field": "action", "message": message}],
        )


def _answer(item: WorkItem, choice: Choice) -> None:
    message = answer_item(item, choice.text, choice.actor)
    item.record_context({**item.context, "messageId": message.id})


def _hold(item: WorkItem, choice: Choice) -> None:
    place_hold(_person_of(item), "other", choice.note, None, choice.actor)


def _suppress_number(item: WorkItem, choice: Choice) -> None:
    phone = _phone_of(item) or _person_of(item).preferred_phone
    for channel in CHANNELS:
        PhoneSuppression.suppress(
            item.account_id,
            phone,
            channel,
            "wrong_number",
            "The person at this number said it is a wrong number.",
            real_now(),
        )


def _refund(item: WorkItem, choice: Choice) -> None:
    """Request refunds of what is overpaid and not being refunded already, newest payments first."""
    asked: list[str] = []
    invoice = Invoice.get_by_id(item.invoice_id)
    payments = [
        payment
        for payment in Payment.of_invoice(invoice)
        if (payment.method, payment.status) == ("stripe", "succeeded")
        and payment.currency == invoice.currency
    ]
    left = overpaid_amount(invoice) - sum(map(RefundRequest.under_way, payments))
    for payment in sorted(payments, key=lambda row: (row.created_at, row.id), reverse=True):
        amount = min(left, refundable(payment))
        if amount > 0:
            asked.append(request_refund(payment, amount, None, choice.actor).id)
            left -= amount
    if left > 0:
        raise Refused(
            "payment_not_refundable",
            f"{in_words(left, invoice.currency, 'en_US')} of invoice {invoice.number} cannot be"
            " refunded by card. Refund what can be at /api/payments, return the rest by hand, and"
            " resolve it with keep.",
        )
    item.record_context({**item.context, "refundIds": asked})


def _person_of(item: WorkItem) -> Customer:
    if item.customer_id is None:
        raise Refused(
            "conflict",
            "The item names no customer. Find the person among the customers, and resolve it with"
            " done.",
        )
    return Customer.get_by_id(item.customer_id)


def _approve(item: WorkItem, choice: Choice) -> None:
    approve_item(item, choice.actor)


def _decline(item: WorkItem, choice: Choice) -> None:
    decline_draft(item.subject, choice.actor)


def _called(item: WorkItem, choice: Choice) -> None:
    """Record that staff called, whatever the gate would say. Nobody records what was discussed, so
    it counts as a call about everything that the customer owes.
    """
    phone, people = _phone_of(item), _people_called(item)
    may_be_meant = (Invoice.status << UNPAID) | (Invoice.id == item.invoice_id)
    owed = Invoice.select().where(Invoice.customer << people, may_be_meant).order_by(Invoice.id)
    call = Call.made_by_hand(
        item.account_id,
        item.customer_id,
        phone,
        list(owed),
        BY_HAND[choice.action],
        choice.actor,
        real_now(),
    )
    item.record_context({**item.context, "madeCallId": call.id})
    planned = PlannedContact.one("id = ?", item.subject) if item.kind == "call" else None
    if planned is not None:
        planned.record_called(call.id, business_now())
    for customer_id in people:
        ContactCourse.recheck_customer(customer_id)


def _phone_of(item: WorkItem) -> str:
    """The number that the item is about: the one it names, or else the customer's own."""
    if named := str(item.context.get("phone") or ""):
        return named
    return "" if item.customer_id is None else _person_of(item).preferred_phone


def _people_called(item: WorkItem) -> list[str]:
    """The ids of customers who may have been spoken to: the item's, or else all at its number."""
    if item.customer_id is not None:
        return [item.customer_id]
    phone = _phone_of(item)
    return [each.id for each in Customer.at_phone(phone, [item.account_id])] if phone else []


def _end_call(item: WorkItem, choice: Choice) -> None:
    call = call_in_doubt(item)
    if call is None:
        raise Refused("conflict", "The call no longer exists. Resolve the item with done.")
    end_by_hand(call, choice.action, choice.actor, choice.note)


PERFORM: dict[tuple[str, str], Perform] = {
    ("escalation", "reply"): _answer,
    ("escalation", "hold"): _hold,
    ("reply", "reply"): _answer,
    ("reply", "hold"): _hold,
    ("reply", "wrong_number"): _suppress_number,
    ("overpayment", "refund"): _refund,
    ("draft", "approve"): _approve,
    ("draft", "decline"): _decline,
    **{(kind, action): _called for kind in ("call", "escalation", "reply") for action in BY_HAND},
    ("doubt", ENDED): _end_call,
    ("doubt", NEVER_PLACED): _end_call,
}
