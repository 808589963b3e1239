"""Look at one customer who owes: climb the rung that is due if the gate allows it, and store when
to look again, or why they are not contacted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from actions.contact.ladder.ask_gate import ask, is_by_hand
from actions.contact.ladder.begin_contact import begin, hand_over, named
from actions.contact.ladder.by_hand import drop_calls
from actions.contact.ladder.owing import Owing, owing_of
from actions.people.number_lookups import want_look_up
from models.contact.contact_course import ContactCourse
from models.contact.contact_decision import ContactDecision
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from models.invoices.invoice import Invoice
from models.reports.ladder_course import course_of
from models.transactions import transaction
from rules.contact.facts import Refused
from rules.contact.gate import NOT_CHECKED
from rules.contact.ladder import SOON_OVER, Climb, Rung, climbed_by
from runtime.clock import real_now
from runtime.errors import Conflict, PayphoneError

SCAN = "scan"  # recorded as the requester
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DRAFT_LASTS = timedelta(days=7)


class OutOfTurn(PayphoneError):
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


def look(customer_id: str, now: datetime, may_begin: Callable[[str], bool]) -> bool:
    """Look at a customer who is due at `now` (business time), and return whether a contact was
    begun.

    `may_begin` says whether an account may begin one more contact just now. Raises OutOfTurn if
    not, and Conflict if the customer's course has changed in the meantime; either way nothing is
    changed.
    """
    with transaction():
        course = ContactCourse.one("customer_id = ?", customer_id)
        if course is None or course.next_at is None or course.next_at > now:
            return False
        owing = owing_of(customer_id, now)
        outlook, has_begun = _step(owing, course, may_begin)
        if not course.record_looked(
            outlook.next_at, outlook.channel, outlook.contact_at, outlook.code, outlook.reason
        ):
            raise Conflict(f"The course of customer {customer_id} has changed in the meantime.")
    return has_begun


def _step(
    owing: Owing, course: ContactCourse, may_begin: Callable[[str], bool]
) -> tuple[Outlook, bool]:
    """Do what is due. Returns what to store, and whether a contact was begun.

    An invoice that may not be named does not decide when the others are: a rung is climbed if it is
    due for an invoice that may be named, and only for that is a number looked up.
    """
    drop_calls(owing)
    draft = _still_wanted(PlannedContact.open_for(owing.customer.id), owing)
    if draft is not None and draft.state == "approved":
        invoices = owing.named(PlannedContactInvoice.ids_of(draft.id))
        found = ask(owing, draft.rung, invoices)
        if found.refused is not None:
            about = (*found.invoices, *invoices)[0]
            return _refused(owing, course, draft.rung, found.refused, about), False
        return _contact(owing, draft.rung, found.invoices, draft, may_begin)
    kept_back: Outlook | None = None
    while (climb := owing.next_climb()) is not None and climb.on <= owing.today:
        rung, invoices = climb.rung, owing.named(climb.invoice_ids)
        found = ask(owing, rung, invoices)
        left = owing.only(found.invoices)
        if found.refused is not None and (not found.invoices or left.awaits(rung)):
            about = (*found.invoices, *invoices)[0]
            outlook = _refused(owing, course, rung, found.refused, about)
            return _sooner(outlook, kept_back), False
        owing = left
        if owing.awaits(rung):
            return _climb(owing, rung, draft, may_begin)
        if found.reason is not None:
            kept_back = kept_back or _outlook_of(owing, rung, found.reason)
    return _sooner(_wait(owing, climb, draft), kept_back), False


def _sooner(outlook: Outlook, kept_back: Outlook | None) -> Outlook:
    """What is stored for the invoices that may be named, with the next look no later than the
    others need.
    """
    if kept_back is None or outlook.next_at is None or kept_back.next_at is None:
        return kept_back or outlook
    return replace(outlook, next_at=min(outlook.next_at, kept_back.next_at))


def _climb(
    owing: Owing, rung: Rung, draft: PlannedContact | None, may_begin: Callable[[str], bool]
) -> tuple[Outlook, bool]:
    """Hand over to staff, or contact the customer, about all that may be named."""
    if rung.way != "person":
        return _contact(owing, rung, owing.invoices, draft, may_begin)
    _end(draft, "expired", "superseded")
    hand_over(_plan(owing, rung, owing.invoices, "performed"), owing.invoices, owing)
    return _after(owing), False


def _contact(
    owing: Owing,
    rung: Rung,
    invoices: Sequence[Invoice],
    draft: PlannedContact | None,
    may_begin: Callable[[str], bool],
) -> tuple[Outlook, bool]:
    """Text or call about what the gate allows, or draft it for approval. Returns what to store, and
    whether a contact was begun.
    """
    if not may_begin(owing.account.id):
        raise OutOfTurn(f"Account {owing.account.id} has begun enough contacts for now.")
    if draft is not None and draft.state == "approved":
        begin(draft, invoices, owing)
        return _after(owing), True
    _end(draft, "expired", "superseded")
    if owing.settings.first_contacts == "draft" and not is_by_hand(owing, rung):
        _draft(owing, rung, invoices)
        return _after(owing), False
    begin(_plan(owing, rung, invoices, "performed"), invoices, owing)
    return _after(owing), True


def _still_wanted(draft: PlannedContact | None, owing: Owing) -> PlannedContact | None:
    """The open draft, unless it has expired, or nothing that it names is still owed."""
    if draft is None:
        return None
    if draft.expires_at is not None and draft.expires_at <= owing.now:
        _end(draft, "expired", "expired")
        return None
    if not owing.named(PlannedContactInvoice.ids_of(draft.id)):
        _end(draft, "refused", "invoice_paid")
        return None
    return draft


def _end(draft: PlannedContact | None, state: str, code: str) -> None:
    """End a draft, and its work item."""
    if draft is not None:
        draft.record_over(state, code)
        WorkItem.close("draft", draft.id, code)


def _plan(
    owing: Owing,
    rung: Rung,
    invoices: Sequence[Invoice],
    state: str,
    expires_at: datetime | None = None,
) -> PlannedContact:
    """Create the contact, with the invoices that it names and how high each climbs by it."""
    planned = PlannedContact.plan(
        owing.account.id, owing.customer.id, rung, state, SCAN, owing.now, expires_at
    )
    known = {one.id: one for one in owing.course.owed}
    PlannedContactInvoice.name(
        planned,
        [
            (known[invoice.id], climbed_by(owing.rungs, known[invoice.id], owing.today))
            for invoice in invoices
        ],
    )
    return planned


def _draft(owing: Owing, rung: Rung, invoices: Sequence[Invoice]) -> None:
    """Create a draft, and the work item that asks staff to approve it."""
    draft = _plan(owing, rung, invoices, "draft", owing.now + DRAFT_LASTS)
    channel = owing.channel(rung)
    WorkItem.open(
        owing.account.id,
        "draft",
        draft.id,
        f"A {'text' if channel == 'sms' else 'call'} about {named(invoices)} waits for approval.",
        customer_id=owing.customer.id,
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


def _after(owing: Owing) -> Outlook:
    """What comes next after a contact was begun, counting it. The next look is at most a day later,
    to check whether it was sent.
    """
    invoices = owing.invoices
    course = course_of(owing.customer.id, owing.account.time_zone, invoices)
    owing = replace(owing, course=course)
    outlook = _wait(owing, owing.next_climb(), PlannedContact.open_for(owing.customer.id))
    look_at = owing.now + DAY
    return replace(outlook, next_at=min(outlook.next_at or look_at, look_at))


def _wait(owing: Owing, climb: Climb | None, draft: PlannedContact | None) -> Outlook:
    """What comes next if nothing is due."""
    if not owing.invoices:
        return NOTHING_OWED
    if draft is not None:
        ends = [at for at in (draft.expires_at, _opening(owing, climb)) if at is not None]
        return Outlook(
            min(ends, default=owing.now + DAY),
            _way(owing, draft.rung),
            None,
            "awaits_approval",
            "It waits as a draft until staff approve it.",
        )
    if climb is None:
        return LADDER_FINISHED
    at = _opening(owing, climb)
    return Outlook(at, _way(owing, climb.rung), at)


def _opening(owing: Owing, climb: Climb | None) -> datetime | None:
    return None if climb is None else owing.opening(climb.on)


def _way(owing: Owing, rung: Rung) -> str:
    return rung.way if rung.way == "person" else owing.channel(rung)


def _refused(
    owing: Owing, course: ContactCourse, rung: Rung, refused: Refused, invoice: Invoice
) -> Outlook:
    """Store a refusal of the gate, once per reason; the gate is asked again when it may be over. A
    number without a look-up is looked up.
    """
    if refused.code == NOT_CHECKED:
        want_look_up(owing.customer, owing.customer.preferred_phone, owing.channel(rung))
    if refused.code != course.code and rung.way != "person":
        ContactDecision.record(
            refused,
            real_now(),
            account_id=owing.account.id,
            customer_id=owing.customer.id,
            invoice_id=invoice.id,
            channel=owing.channel(rung),
            phone=owing.customer.preferred_phone or None,
            asked_by=SCAN,
        )
    return _outlook_of(owing, rung, refused)


def _outlook_of(owing: Owing, rung: Rung, refused: Refused) -> Outlook:
    """What is stored of a refusal."""
    later = HOUR if refused.code in SOON_OVER else DAY
    return Outlook(
        refused.next_at or owing.now + later,
        _way(owing, rung),
        refused.next_at,
        refused.code,
        refused.reason,
    )
