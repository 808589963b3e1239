"""A month at two clinics in different states: who is texted or called, who is not and why, what is
promised, kept and paid; and whether a second implementation of the rules agrees.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bin.commands.compliance.checker import Case, Home, Made, broken
from models.calling.call import Call
from models.contact.contact_course import ContactCourse
from models.contact.message import Message
from models.contact.promise import Promise
from models.deployment.phone_line import PhoneLine
from models.invoices.invoice import Invoice
from runtime.clock import business_now, real_now
from simulation import terminal_output as say
from simulation.acts import Clinic, visit
from simulation.api import Api, Payer
from simulation.business_time import move_business_time, until_done
from simulation.expected import Contacted, Course
from simulation.going_live import Candidate

STOPS = (time(8, 40), time(13, 10))  # of each day, in New York
NEW_YORK = ZoneInfo("America/New_York")
DAYS = 30
NEVER = datetime.max.replace(tzinfo=UTC)
# reasons that forbid asking for money, but not thanking for it
ABOUT_MONEY = {"invoice_paid", "invoice_not_collectable", "promised"}
AGREED = "I agree to be texted and called about my invoices, also by an artificial voice."


@dataclass(slots=True)
class Person:
    """A customer who owes money: how they behave, and what was recorded about them.

    `pays`: when they pay: at the first `text`, at the `call`, on the day they `promise`, or never.
    `script`: how they answer the phone.
    """

    name: str
    phone: str
    city: str
    state: str
    postal: str
    zone: str
    pays: str = ""
    script: str = "no_answer"
    bills: int = 1
    hold: str = ""
    id: str = ""
    invoices: list[str] = field(default_factory=list)
    agreed_at: datetime = NEVER
    due_on: date = date.max
    promised: list[tuple[datetime, datetime]] = field(default_factory=list)
    paid_at: datetime | None = None
    stopped_at: datetime | None = None
    refusals: dict[str, str] = field(default_factory=dict)


def people_of_boston() -> list[Person]:
    """Return the patients of the clinic in Massachusetts, which allows two calls a week, and one in
    New York, who must see a notice before paying by card.
    """
    place = ("Boston", "MA", "02101", "America/New_York")
    new_york = ("New York", "NY", "10001", "America/New_York")
    return [
        Person("Abigail Adams", "+16175550141", *place, pays="text"),
        Person("Benjamin Banneker", "+16175550142", *place, pays="call", script="pays_by_link"),
        Person("Clara Barton", "+16175550143", *place, pays="promise", script="promises"),
        Person("Daniel Boone", "+16175550144", *place, script="promises"),
        Person("Emily Dickinson", "+16175550145", *place, script="says_stop"),
        Person("Walt Whitman", "+12125550149", *new_york, pays="text"),
    ]


def people_of_sacramento() -> list[Person]:
    """Return the patients of the clinic in California, where a person must introduce an automated
    call.
    """
    place = ("Sacramento", "CA", "95814", "America/Los_Angeles")
    return [
        Person("Frederick Douglass", "+19165550146", *place, pays="text", bills=3),
        Person("Georgia O'Keeffe", "+19165550147", *place),
        Person("Harriet Tubman", "+19165550148", *place, hold="attorney"),
    ]


PEOPLE = {"Harbor Dental": people_of_boston, "Elm Street Clinic": people_of_sacramento}


def play_month(clinic: Clinic, candidates: list[Candidate]) -> list[Course]:
    """Play the month for the live clinics in `PEOPLE`, and return each customer's course."""
    say.chapter("A month", f"two clinics, {DAYS} days; at each stop the scans of the day run")
    places = [(one, PEOPLE[one.name]()) for one in candidates if one.name in PEOPLE]
    for candidate, people in places:
        _begin(clinic, candidate, people)
    everybody = [(candidate, one) for candidate, people in places for one in people]
    delivered = _delivered(clinic)
    for stop in _stops():
        if not _is_due(stop):
            continue
        ahead = (stop - real_now()) / timedelta(days=1)
        clinic.sandbox.control("vapi/habits", days_ahead=ahead)
        move_business_time(stop, delivered)
        if sum(_approve(candidate) for candidate, _ in places):
            until_done("what was approved", delivered)
        paid = [_pays(clinic, one) for _, one in everybody]
        if any(paid):
            until_done("what people paid", delivered)
        for _, one in everybody:
            _observe(one)
    return [_course(candidate, one) for candidate, one in everybody]


def _stops() -> list[datetime]:
    """Return the moments at which business time stops, in order."""
    first = business_now().astimezone(NEW_YORK).date() + timedelta(days=1)
    days = [first + timedelta(days=day) for day in range(DAYS)]
    return [datetime.combine(day, stop, NEW_YORK).astimezone(UTC) for day in days for stop in STOPS]


def _is_due(stop: datetime) -> bool:
    """Whether a scan would find anything by then, or a promised day has come."""
    today = stop.astimezone(NEW_YORK).date()
    open_promise = (Promise.state == "open") & (
        (Promise.decided_from <= stop) | (Promise.promised_for == today)
    )
    return any(
        rows.exists()
        for rows in (
            Invoice.select().where(Invoice.status == "sent", Invoice.due_date < today),
            ContactCourse.select().where(ContactCourse.next_at <= stop),
            Promise.select().where(open_promise | (Promise.follow_at <= stop)),
        )
    )


def _delivered(clinic: Clinic) -> Callable[[], bool]:
    """Return a probe for whether the providers have delivered every webhook."""
    return lambda: bool(clinic.sandbox.shown("deliveries?state=none")["idle"])


def _begin(clinic: Clinic, candidate: Candidate, people: list[Person]) -> None:
    """Let the clinic text and call from its own number, and send its first invoices, due today."""
    line = PhoneLine.of(candidate.id)
    if line is None:
        raise RuntimeError(f"{candidate.name} is live and has no number.")
    operator = Api(os.environ["PUBLIC_URL"], clinic.operator_key)
    operator.put(f"{candidate.home}/sender", {"fromNumber": line.e164})
    candidate.own.patch(f"{candidate.home}/settings", {"calling": "automatic"})
    today = business_now().astimezone(NEW_YORK).date()
    for one in people:
        _enrol(candidate, one, today)
        who = {"fullName": one.name, "postalCode": one.postal}
        clinic.sandbox.control("vapi/callers", number=one.phone, script=one.script, who=who)


def _enrol(candidate: Candidate, one: Person, today: date) -> None:
    """Create a patient who agreed to be contacted, with their invoices."""
    address = {
        "line1": "1 Main Street",
        "city": one.city,
        "state": one.state,
        "postalCode": one.postal,
        "country": "US",
    }
    body = {"name": one.name, "phone": one.phone, "address": address}
    one.agreed_at, one.due_on = business_now(), today
    one.id = candidate.own.post("/api/customers", body, key=f"month-{one.phone}")["id"]
    consent = {"source": "paper form", "text": AGREED, "textVersion": "2026-11"}
    candidate.own.post(
        f"/api/customers/{one.id}/consents",
        {"channels": ["sms", "voice"], "givenAt": one.agreed_at.isoformat(), **consent},
        key=f"month-consent-{one.phone}",
    )
    if one.hold:
        hold = {"kind": one.hold, "note": "A letter came."}
        candidate.own.post(f"/api/customers/{one.id}/holds", hold, key=f"month-hold-{one.phone}")
    for bill in range(one.bills):
        made = candidate.own.post(
            "/api/invoices",
            {
                "customerId": one.id,
                "number": f"{one.name.split()[1].upper()}-{bill + 1}",
                "currency": "usd",
                "amountDue": 12_000 + 500 * bill,
                "dueDate": str(today),
                "status": "sent",
            },
            key=f"month-{one.phone}-{bill}",
        )
        one.invoices.append(made["id"])


def _approve(candidate: Candidate) -> int:
    """Approve all drafts of first contacts, as staff would; returns how many."""
    waiting = candidate.own.get("/api/work-items", state="open", kind="draft")["data"]
    ids = [item["context"]["plannedContactId"] for item in waiting]
    if ids:
        candidate.own.post("/api/contact-drafts/approve", {"ids": ids}, key=f"approve-{ids[0]}")
    return len(ids)


def _pays(clinic: Clinic, one: Person) -> bool:
    """Let a customer pay if the moment has come; returns whether they did."""
    if one.paid_at is not None or not _is_time_to_pay(one):
        return False
    for address in _addresses(clinic, one):
        payer = Payer()
        if payer.pay(visit(payer, address)) != 200:  # noqa: PLR2004 - paid
            raise RuntimeError(f"{one.name} could not pay at {address}.")
        if payer.has_read != (one.state == "NY"):
            raise RuntimeError(f"{one.name} read New York's notice: {payer.has_read}.")
    one.paid_at = business_now()
    return True


def _is_time_to_pay(one: Person) -> bool:
    if one.pays == "text":
        return bool(_texts(one))
    if one.pays == "call":
        return any(call.outcome for call in _calls(one)) and len(_texts(one)) > 1
    if one.pays == "promise":
        promise = Promise.select().where(Promise.customer == one.id).first()
        today = business_now().astimezone(ZoneInfo(one.zone)).date()
        return promise is not None and promise.promised_for <= today
    return False


def _addresses(clinic: Clinic, one: Person) -> list[str]:
    """Return the payment URLs in the texts on the customer's phone, without duplicates."""
    own = re.escape(os.environ["PUBLIC_URL"]) + r"/p/\w+"
    texts = clinic.sandbox.shown("twilio/messages")["messages"]
    found = [
        address
        for message in texts
        if message["to"] == one.phone
        for address in re.findall(own, message["body"])
    ]
    return list(dict.fromkeys(found))[-one.bills :]


def _texts(one: Person) -> list[Message]:
    """Return the texts sent to a customer, oldest first."""
    sent = (Message.customer == one.id) & Message.sent_at.is_null(False)
    return list(Message.select().where(sent).order_by(Message.sent_at))


def _calls(one: Person) -> list[Call]:
    """Return the calls made to a customer, oldest first."""
    made = (Call.customer == one.id) & Call.attempted_at.is_null(False)
    return list(Call.select().where(made).order_by(Call.attempted_at))


def _observe(one: Person) -> None:
    """Record why a customer is not contacted now, and a new promise."""
    course = ContactCourse.one("customer_id = ?", one.id)
    if course is not None and course.code:
        one.refusals[course.code] = course.reason
    promise = Promise.select().where(Promise.customer == one.id, Promise.state == "open").first()
    if promise is not None and promise.decided_from not in {until for _, until in one.promised}:
        one.promised.append((business_now(), promise.decided_from))


def _course(candidate: Candidate, one: Person) -> Course:
    """Return what was done about a customer, with the rules broken according to the checker."""
    made = [(text.sent_at, "sms", text.kind, text.invoice_id) for text in _texts(one)]
    made += [
        (call.attempted_at, "voice", call.outcome, (call.invoice_ids or [""])[0])
        for call in _calls(one)
    ]
    contacts: list[Contacted] = []
    log: list[Made] = []
    for at, by, outcome, debt in sorted(made):
        wrong = broken(_case(one, by, debt, at), log, at)
        if outcome == "thanks":
            wrong -= ABOUT_MONEY
        local = at.astimezone(ZoneInfo(one.zone))
        contacts.append(Contacted(local, by, outcome, frozenset(wrong)))
        log.append(Made(at, by, debt, "sent" if by == "sms" else outcome, asked_for=False))
        if one.script == "says_stop" and by == "voice":
            one.stopped_at = at
    promises = [row.state for row in Promise.select().where(Promise.customer == one.id)]
    owed = sum(
        candidate.own.get(f"/api/invoices/{invoice}")["outstandingBalance"]
        for invoice in one.invoices
    )
    return Course(
        candidate.name,
        one.name,
        f"{one.city}, {one.state}",
        contacts,
        one.refusals,
        promises,
        one.paid_at,
        owed,
        bool(one.pays),
    )


def _case(one: Person, by: str, debt: str, at: datetime) -> Case:
    """Return the checker's view of a customer at the time of a contact, as the story knows them."""
    promises = [until for since, until in one.promised if since < at]
    address = {"city": one.city, "state": one.state, "postalCode": one.postal, "country": "US"}
    return Case(
        home=Home(one.phone, address, (one.zone,), one.state),
        by=by,
        debt=debt,
        debt_status="paid" if one.paid_at is not None and one.paid_at < at else "overdue",
        due_on=one.due_on,
        billed_on=one.due_on,
        disputed=False,
        processing=False,
        promised_until=max(promises, default=None),
        opted_out=one.stopped_at is not None and one.stopped_at < at,
        holds=((one.hold, None),) if one.hold else (),
        wished_channel="",
        wished_phone="",
        suppressed=False,
        consented_at=one.agreed_at,
        in_writing=False,
        looked_up_at=None,
        changed_hands=False,
        for_others=False,
        ready=True,
        registration="",
        paused=False,
        ceiling_until=None,
        quiet_days=(),
        somebody_introduces=False,
        consent_days=None,
        look_up_days=None,
        is_action=False,
        is_offer=False,
        is_machine=True,
    )
