"""Look at one customer who owes: climb the rung that is due if the gate allows it, and store when
to look again, or why they are not contacted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from actions.contact.ladder.ask_gate import ask_gate, is_by_hand
from actions.contact.ladder.begin_contact import begin_contact, escalate_to_staff, invoice_numbers
from actions.contact.ladder.call_items import close_stale_call_items
from actions.contact.ladder.debtor import Debtor, load_debtor
from actions.people.number_lookups import request_look_up
from models.contact.contact_course import ContactCourse
from models.contact.contact_decision import ContactDecision
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from models.invoices.invoice import Invoice
from models.reports.ladder_course import course_of
from models.transactions import transaction
from rules.contact.facts import Refused
from rules.contact.gate import NOT_CHECKED
from rules.contact.ladder import SOON_OVER, NextRung, Rung, rung_reached
from runtime.clock import real_now
from runtime.errors import Conflict, PayphoneError

SCAN = "scan"  # recorded as the requester
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DRAFT_LASTS = timedelta(days=7)


class ContactQuotaReached(PayphoneError):
    """The account has begun enough contacts for now: the customer stays due, and is looked at
    again.
    """


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a look found: when to look next, and, to show to staff, when and by which channel the
    customer is contacted next, or why not.
    """

    next_at: datetime | None
    channel: str = ""
    contact_at: datetime | None = None
    code: str = ""
    reason: str = ""


NOTHING_OWED = Outlook(None)
LADDER_FINISHED = Outlook(
    None,
    code="ladder_finished",
    reason="All rungs of the ladder have been climbed: staff decide what to do next.",
)


def contact_if_due(customer_id: str, now: datetime, may_begin: Callable[[str], bool]) -> bool:
    """Look at a customer who is due at `now` (business time), and return whether a contact was
    begun.

    `may_begin` says whether an account may begin one more contact just now. Raises
    ContactQuotaReached if not, and Conflict if the customer's course has changed in the meantime;
    either way nothing is changed.
    """
    with transaction():
        course = ContactCourse.one("customer_id = ?", customer_id)
        if course is None or course.next_at is None or course.next_at > now:
            return False
        debtor = load_debtor(customer_id, now)
        outlook, has_begun = _step(debtor, course, may_begin)
        if not course.record_check(
            outlook.next_at, outlook.channel, outlook.contact_at, outlook.code, outlook.reason
        ):
            raise Conflict(f"The course of customer {customer_id} has changed in the meantime.")
    return has_begun


def _step(
    debtor: Debtor, course: ContactCourse, may_begin: Callable[[str], bool]
) -> tuple[Outlook, bool]:
    """Do what is due. Returns what to store, and whether a contact was begun.

    An invoice that may not be named does not decide when the others are: a rung is climbed if it is
    due for an invoice that may be named, and only for that is a number looked up.
    """
    close_stale_call_items(debtor)
    draft = _still_wanted(PlannedContact.open_for(debtor.customer.id), debtor)
    if draft is not None and draft.state == "approved":
        invoices = debtor.named(PlannedContactInvoice.ids_of(draft.id))
        found = ask_gate(debtor, draft.rung, invoices)
        if found.refused is not None:
            about = (*found.invoices, *invoices)[0]
            return _refused(debtor, course, draft.rung, found.refused, about), False
        return _contact(debtor, draft.rung, found.invoices, draft, may_begin)
    kept_back: Outlook | None = None
    while (climb := debtor.next_rung()) is not None and climb.on <= debtor.today:
        rung, invoices = climb.rung, debtor.named(climb.invoice_ids)
        found = ask_gate(debtor, rung, invoices)
        left = debtor.only(found.invoices)
        if found.refused is not None and (not found.invoices or left.awaits(rung)):
            about = (*found.invoices, *invoices)[0]
            outlook = _refused(debtor, course, rung, found.refused, about)
            return _sooner(outlook, kept_back), False
        debtor = left
        if debtor.awaits(rung):
            return _climb(debtor, rung, draft, may_begin)
        if found.reason is not None:
            kept_back = kept_back or _outlook_of(debtor, rung, found.reason)
    return _sooner(_wait(debtor, climb, draft), kept_back), False


def _sooner(outlook: Outlook, kept_back: Outlook | None) -> Outlook:
    """What is stored for the invoices that may be named, with the next look no later than the
    others need.
    """
    if kept_back is None or outlook.next_at is None or kept_back.next_at is None:
        return kept_back or outlook
    return replace(outlook, next_at=min(outlook.next_at, kept_back.next_at))


def _climb(
    debtor: Debtor, rung: Rung, draft: PlannedContact | None, may_begin: Callable[[str], bool]
) -> tuple[Outlook, bool]:
    """Hand over to staff, or contact the customer, about all that may be named."""
    if rung.way != "person":
        return _contact(debtor, rung, debtor.invoices, draft, may_begin)
    _end(draft, "expired", "superseded")
    escalate_to_staff(_plan(debtor, rung, debtor.invoices, "performed"), debtor.invoices, debtor)
    return _after(debtor), False


def _contact(
    debtor: Debtor,
    rung: Rung,
    invoices: Sequence[Invoice],
    draft: PlannedContact | None,
    may_begin: Callable[[str], bool],
) -> tuple[Outlook, bool]:
    """Text or call about what the gate allows, or draft it for approval. Returns what to store, and
    whether a contact was begun.
    """
    if not may_begin(debtor.account.id):
        raise ContactQuotaReached(f"Account {debtor.account.id} has begun enough contacts for now.")
    if draft is not None and draft.state == "approved":
        begin_contact(draft, invoices, debtor)
        return _after(debtor), True
    _end(draft, "expired", "superseded")
    if debtor.settings.first_contacts == "draft" and not is_by_hand(debtor, rung):
        _draft(debtor, rung, invoices)
        return _after(debtor), False
    begin_contact(_plan(debtor, rung, invoices, "performed"), invoices, debtor)
    return _after(debtor), True


def _still_wanted(draft: PlannedContact | None, debtor: Debtor) -> PlannedContact | None:
    """The open draft, unless it has expired, or nothing that it names is still owed."""
    if draft is None:
        return None
    if draft.expires_at is not None and draft.expires_at <= debtor.now:
        _end(draft, "expired", "expired")
        return None
    if not debtor.named(PlannedContactInvoice.ids_of(draft.id)):
        _end(draft, "refused", "invoice_paid")
        return None
    return draft


def _end(draft: PlannedContact | None, state: str, code: str) -> None:
    """End a draft, and its work item."""
    if draft is not None:
        draft.record_over(state, code)
        WorkItem.close("draft", draft.id, code)


def _plan(
    debtor: Debtor,
    rung: Rung,
    invoices: Sequence[Invoice],
    state: str,
    expires_at: datetime | None = None,
) -> PlannedContact:
    """Create the contact, with the invoices that it names and how high each climbs by it."""
    planned = PlannedContact.plan(
        debtor.account.id, debtor.customer.id, rung, state, SCAN, debtor.now, expires_at
    )
    known = {one.id: one for one in debtor.course.owed}
    PlannedContactInvoice.add(
        planned,
        [
            (known[invoice.id], rung_reached(debtor.rungs, known[invoice.id], debtor.today))
            for invoice in invoices
        ],
    )
    return planned


def _draft(debtor: Debtor, rung: Rung, invoices: Sequence[Invoice]) -> None:
    """Create a draft, and the work item that asks staff to approve it."""
    draft = _plan(debtor, rung, invoices, "draft", debtor.now + DRAFT_LASTS)
    channel = debtor.channel(rung)
    WorkItem.open(
        debtor.account.id,
        "draft",
        draft.id,
        f"A {'text' if channel == 'sms' else 'call'} about {invoice_numbers(invoices)} waits for"
        " approval.",
        customer_id=debtor.customer.id,
        invoice_id=invoices[0].id,
        suggested="approve",
        due_at=draft.expires_at,
        context={
            "plannedContactId": draft.id,
            "channel": channel,
            "days": rung.days,
            "invoiceIds": [invoice.id for invoice in invoices],
        },
    )


def _after(debtor: Debtor) -> Outlook:
    """What comes next after a contact was begun, counting it. The next look is at most a day later,
    to check whether it was sent.
    """
    invoices = debtor.invoices
    course = course_of(debtor.customer.id, debtor.account.time_zone, invoices)
    debtor = replace(debtor, course=course)
    outlook = _wait(debtor, debtor.next_rung(), PlannedContact.open_for(debtor.customer.id))
    look_at = debtor.now + DAY
    return replace(outlook, next_at=min(outlook.next_at or look_at, look_at))


def _wait(debtor: Debtor, climb: NextRung | None, draft: PlannedContact | None) -> Outlook:
    """What comes next if nothing is due."""
    if not debtor.invoices:
        return NOTHING_OWED
    if draft is not None:
        ends = [at for at in (draft.expires_at, _opening(debtor, climb)) if at is not None]
        return Outlook(
            min(ends, default=debtor.now + DAY),
            _way(debtor, draft.rung),
            None,
            "awaits_approval",
            "It waits as a draft until staff approve it.",
        )
    if climb is None:
        return LADDER_FINISHED
    at = _opening(debtor, climb)
    return Outlook(at, _way(debtor, climb.rung), at)


def _opening(debtor: Debtor, climb: NextRung | None) -> datetime | None:
    return None if climb is None else debtor.opening(climb.on)


def _way(debtor: Debtor, rung: Rung) -> str:
    return rung.way if rung.way == "person" else debtor.channel(rung)


def _refused(
    debtor: Debtor, course: ContactCourse, rung: Rung, refused: Refused, invoice: Invoice
) -> Outlook:
    """Store a refusal of the gate, once per reason; the gate is asked again when it may be over. A
    number without a lookup is looked up.
    """
    if refused.code == NOT_CHECKED:
        request_look_up(debtor.customer, debtor.customer.preferred_phone, debtor.channel(rung))
    if refused.code != course.code and rung.way != "person":
        ContactDecision.record(
            refused,
            real_now(),
            account_id=debtor.account.id,
            customer_id=debtor.customer.id,
            invoice_id=invoice.id,
            channel=debtor.channel(rung),
            phone=debtor.customer.preferred_phone or None,
            asked_by=SCAN,
        )
    return _outlook_of(debtor, rung, refused)


def _outlook_of(debtor: Debtor, rung: Rung, refused: Refused) -> Outlook:
    """What is stored of a refusal."""
    later = HOUR if refused.code in SOON_OVER else DAY
    return Outlook(
        refused.next_at or debtor.now + later,
        _way(debtor, rung),
        refused.next_at,
        refused.code,
        refused.reason,
    )
