"""Turn a customer's reply to a text into work for the clinic's staff, and at once place the hold or
suppress the number that it calls for.

The words go only to the clinic whose text is answered, not to other clinics that share the sender.
Holds and suppressions apply to every account to which an opt-out would apply.
"""

from datetime import datetime

from actions.contact.escalate import DUE_AFTER
from actions.contact.holds import hold_at_once
from actions.contact.opt_out.record_stop_or_start import owners_of
from actions.contact.postpone import BY_TEXT, postpone_contact
from models.contact.message import Message
from models.contact.phone_suppression import PhoneSuppression
from models.contact.work_item import WorkItem
from models.invoices.customer import Customer
from rules.contact.replies import (
    BY_CODE,
    CLASSES,
    ReplyClass,
    asks_for_another_time,
    classify,
    requested_time,
)
from runtime.clock import business_now, real_now

CHANNELS = ("sms", "voice")
MOST_TEXTS = 20  # texts of one customer shown by an open item
MOST_WORDS = 500
ATTACHED = "(pictures or files, to be seen at Twilio: {count})"
ASKS_FOR = {"call_me": "call", "later": "another_time"}
RANK = {each.code: place for place, each in enumerate(CLASSES)}


def open_reply_items(
    phone: str,
    number: str,
    service: str,
    words: str,
    reference: str,
    accounts: list[str],
    has_stopped: bool,
    *,
    said_at: datetime | None = None,
    media: str = "",
) -> list[WorkItem]:
    """Open the work items of an inbound text, in the open transaction, and return them: one for
    each of the `accounts` that must act on it, and one with the words for the account that it
    answers. `said_at` is when the text was sent, if not now; a time named in it still counts from
    now, so that nobody is contacted too early. `media`: how many pictures or files came with it.
    """
    attached = ATTACHED.format(count=media) if media not in {"", "0"} else ""
    found = classify(words, has_stopped)
    if found is None and attached and not has_stopped:
        found = BY_CODE["unknown"]
    if found is None:
        return []
    answered = _answered(phone, number, service, accounts, said_at)
    is_work = bool(found.hold or found.suppresses)
    is_put_off = not has_stopped and asks_for_another_time(words)
    concerned = accounts if is_work or is_put_off else []
    items = []
    for account_id in sorted({*concerned, answered} - {""}):
        customers = _people(account_id, phone)
        _act_at_once(found, account_id, customers, phone, reference)
        said = {
            "text": f"{words[:MOST_WORDS]} {attached}".strip() if account_id == answered else "",
            "at": (said_at or real_now()).isoformat(),
            "reference": reference,
        }
        due = None
        if is_put_off:
            due = _postpone(customers, words, phone, reference)
        if is_work or account_id == answered:
            items.append(_open(found, account_id, customers, phone, said, due))
    return items


def _answered(
    phone: str, number: str, service: str, accounts: list[str], said_at: datetime | None
) -> str:
    """The account whose text is answered: that of the last text to this phone by this sender, else
    the only account it can be, or "" if it is ambiguous.
    """
    texts = Message.select(Message.account).where(
        Message.to == phone, Message.sent_at.is_null(False)
    )
    if number.startswith("+"):  # an RCS agent's name does not identify the sender
        texts = texts.where(Message.sender << sorted({number, service} - {""}))
    last = texts.order_by(Message.sent_at.desc()).first()
    if last is not None:
        return str(last.account_id)
    candidates = list(owners_of(service, number, said_at)) or accounts
    return candidates[0] if len(candidates) == 1 else ""


def _people(account_id: str, phone: str) -> list[Customer]:
    """The account's customers at this phone, the one texted last first."""
    last = _last_text(account_id, phone)
    rows = Customer.at_phone(phone, [account_id])
    if last is not None and last.customer_id not in {row.id for row in rows}:
        rows.append(Customer.get_by_id(last.customer_id))
    return sorted(rows, key=lambda row: (last is None or row.id != last.customer_id, row.id))


def _last_text(account_id: str, phone: str) -> Message | None:
    row: Message | None = (
        Message.select()
        .where(Message.account == account_id, Message.to == phone, Message.sent_at.is_null(False))
        .order_by(Message.sent_at.desc())
        .first()
    )
    return row


def _act_at_once(
    found: ReplyClass, account_id: str, customers: list[Customer], phone: str, reference: str
) -> None:
    """Place the hold, or suppress the number, effective with this commit."""
    now = real_now()
    if found.suppresses:
        for channel in CHANNELS:
            PhoneSuppression.suppress(
                account_id,
                phone,
                channel,
                "wrong_number",
                "The owner of this number said it is a wrong number",
                now,
            )
    # in the order in which courses are locked, regardless of who was texted last
    for customer in sorted(customers if found.hold else (), key=lambda row: row.id):
        hold_at_once(customer, found.hold, found.words, BY_TEXT, reference=reference)


def _postpone(customers: list[Customer], words: str, phone: str, reference: str) -> datetime | None:
    """Put holds on the customers until the time named in `words`. Returns when staff should follow
    up, or None if `words` name no time.
    """
    begins = [
        postpone_contact(customer, words, phone, BY_TEXT, reference=reference)
        for customer in sorted(customers, key=lambda row: row.id)
    ]
    return min((each for each in begins if each is not None), default=None)


def _open(
    found: ReplyClass,
    account_id: str,
    customers: list[Customer],
    phone: str,
    said: dict[str, str],
    due: datetime | None,
) -> WorkItem:
    """Add the text to the customer's open item, or open a new one."""
    who = customers[0] if customers else None
    known = _open_one(account_id, who)
    if known is not None:
        if _add(known, found, said) and RANK[found.code] < RANK["call_me"]:
            due = _due_of_weightier(known, found, due)
        if due is not None and _may_be_due(known, due):
            known.record_due(due)
        return known
    last = _last_text(account_id, phone)
    return WorkItem.open(
        account_id,
        "reply",
        f"{said['reference']}:{account_id}",
        found.words,
        customer_id=who.id if who is not None else None,
        invoice_id=last.invoice_id if last is not None else None,
        suggested=found.suggested,
        due_at=_due(found, due),
        context={
            "class": found.code,
            "phone": phone,
            "said": [said],
            **_request_in(found, said["text"]),
        },
    )


def _due(found: ReplyClass, asked: datetime | None) -> datetime:
    """When a new item is due: at the time the customer asks for, but within a day if they name none
    or if it is more urgent than a call.
    """
    soon = business_now() + DUE_AFTER
    is_weighty = bool(found.hold or found.suppresses)
    return min(asked or soon, soon) if is_weighty else asked or soon


def _due_of_weightier(known: WorkItem, found: ReplyClass, asked: datetime | None) -> datetime:
    """When an item is due that has become more urgent than a call: it does not wait for the call,
    and is not due later than before. A dispute, for instance, is due now.
    """
    now = business_now()
    soon = now if found.hold else now + DUE_AFTER
    return min(asked or soon, known.due_at or soon, soon)


def _open_one(account_id: str, who: Customer | None) -> WorkItem | None:
    """The customer's open item, locked, or None if it has just been resolved."""
    if who is None:
        return None
    found = WorkItem.one(
        "customer_id = ? AND account_id = ? AND kind = 'reply' AND state = 'open' ORDER BY id DESC"
        " LIMIT 1",
        who.id,
        account_id,
    )
    item = None if found is None else WorkItem.locked(found.id)
    return item if item is not None and item.is_open else None


def _add(item: WorkItem, found: ReplyClass, said: dict[str, str]) -> bool:
    """Add the text to the item, which takes the class of its most urgent text. Returns whether that
    is this text.
    """
    context = {**item.context, "said": [*item.context.get("said", []), said][-MOST_TEXTS:]}
    is_weightiest = RANK[found.code] < RANK.get(str(context.get("class")), len(RANK))
    if is_weightiest:
        item.record_more(
            {**context, "class": found.code, **_request_in(found, said["text"])},
            found.words,
            found.suggested,
        )
    else:
        item.record_context(context)
    return is_weightiest


def _may_be_due(item: WorkItem, due: datetime) -> bool:
    """Whether the item may wait until `due`: what is more urgent than a call is not put off with
    the call.
    """
    is_weightier = RANK.get(str(item.context.get("class")), len(RANK)) < RANK["call_me"]
    return not is_weightier or due <= (item.due_at or business_now())


def _request_in(found: ReplyClass, words: str) -> dict[str, str]:
    """What a customer who wants a call or another time asks for, shown to staff."""
    if found.code not in ASKS_FOR:
        return {}
    return {"asksFor": ASKS_FOR[found.code], "when": requested_time(words)}
