"""The facts for the contact gate, gathered inside the deciding transaction."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.accounts.account import Account
from models.books.stripe_watermark import STALE
from models.contact.contact_facts import Lines, all_lines, books_lines, moment
from models.contact.hold import customer_key
from models.contact.opt_out import person_key
from models.effects.daily_limit import Limited, ceiling_key
from models.effects.pause_switch import SWITCHES
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import serialize_on
from rules.contact.facts import (
    Books,
    Contact,
    ContactRequest,
    Creditor,
    Debt,
    Facts,
    Hold,
    NumberCheck,
    Person,
    Purpose,
)
from rules.contact.number_lookups import LookUp, check_of
from rules.contact.opt_out.to_sender import counts_for_account
from rules.contact.person_time_zones import zones_of
from rules.contact.places import is_american, places_of
from rules.contact.policy import Channel
from runtime.settings import Settings, get_settings

LIMITS: dict[Channel, Limited] = {"sms": "texts", "voice": "calls"}
CEILINGS = tuple(sorted(LIMITS.values()))  # in the order in which they are locked
_CONTACTS: tuple[tuple[str, Channel], ...] = (
    ("sms", "sms"),
    ("call", "voice"),
    ("wanted_call", "voice"),
)
REGISTERED = frozenset({"", "approved"})


@dataclass(frozen=True, slots=True)
class GateFacts:
    """The gate's facts, and the sender they are about, as Twilio's parameters."""

    facts: Facts
    sender: dict[str, str]


def load_gate_facts(
    invoice: Invoice,
    customer: Customer,
    phone: str,
    channel: Channel,
    now: datetime,
    real: datetime,
    is_offer: bool = False,
    purpose: Purpose = "reminder",
) -> GateFacts:
    """What is known about contacting `customer` at `phone` about a locked invoice; `now` is
    business time, `real` is real time.

    Locks the customer until the transaction ends: an opt-out, a hold or a consent commits either
    before, and is seen, or after. So do a pause and whatever else counts towards the day's ceiling.
    """
    account, settings, what = invoice.account, get_settings(), LIMITS[channel]
    # lock both ceilings: one look may ask about a text and then a call, while another, at another
    # customer of the account, asks about a call first
    ceilings = (ceiling_key(account.id, each) for each in CEILINGS)
    serialize_on(customer_key(customer.id), person_key(phone), SWITCHES, *ceilings)
    lines = all_lines(
        invoice.id,
        account.stripe_account or "",
        real,
        now,
        account=account.id,
        customer=customer.id,
        phone=phone,
        channel=channel,
        what=what,
        day=account.local_date(now).isoformat(),
        shared=settings.twilio_messaging_service_sid or "",
    )
    sender = _sender(lines, settings)
    facts = Facts(
        channel=channel,
        person=_person(lines, account, phone, now),
        debt=Debt(
            id=invoice.id,
            status=invoice.status,
            due_on=invoice.due_date,
            billed_on=account.local_date(invoice.created_at),
            disputed=invoice.disputed,
            payment_processing=bool(lines.all("processing")),
            promised_until=moment(lines.number("promised")),
            books=_books(lines, real),
        ),
        creditor=_creditor(lines, account, phone, what, now, settings, sender, channel),
        history=_history(lines),
        purpose=purpose,
        is_offer=is_offer,
    )
    return GateFacts(facts, sender)


def books_of(invoice: Invoice, real: datetime) -> Books:
    """Whether our rows hold everything that Stripe may know about this invoice.

    `stale`: its account's list of events was not read for hours. `behind`: an event that may change
    the invoice waits to be processed.
    """
    return _books(books_lines(invoice.id, invoice.account.stripe_account or "", real), real)


def _books(lines: Lines, real: datetime) -> Books:
    read_at = moment(lines.number("read"))
    if read_at is not None and real - read_at > STALE:
        return "stale"
    return "behind" if lines.all("behind") else "current"


def _person(lines: Lines, account: Account, phone: str, now: datetime) -> Person:
    # read under the lock, unlike `customer`
    address, time_zone = lines.words("lives")
    lives: dict[str, str] | None = json.loads(address) if address else None
    consents = [
        (words, at)
        for words, _, micros in lines.all("consent")
        if (at := moment(micros)) is not None
    ]
    consented_at = max((at for _, at in consents), default=None)
    written = (at for words, at in consents if words == "written")
    check, unknown = _number_check(lines, account, consented_at, now)
    return Person(
        phone=phone,
        zones=zones_of(phone, lives, time_zone or None) if phone else (),
        places=places_of(phone, lives),
        opted_out=_has_opted_out(lines),
        suppressed=lines.words("suppressed")[0],
        consented_at=consented_at,
        consented_in_writing=any(
            at == consented_at or _still_counts(lines, account, phone, at, now) for at in written
        ),
        holds=tuple(Hold(kind, moment(until)) for kind, _, until in lines.all("hold")),
        request=ContactRequest(*lines.words("asked")),
        number_check=check,
        number_unknown=unknown,
    )


def _has_opted_out(lines: Lines) -> bool:
    heard_at = moment(lines.number("heard"))
    if heard_at is not None and counts_for_account(
        lines.words("heard")[0], heard_at, moment(lines.number("told"))
    ):
        return True
    return lines.words("told")[0] == "stop"


def _number_check(
    lines: Lines, account: Account, consented_at: datetime | None, now: datetime
) -> tuple[NumberCheck | None, str]:
    """What the number's lookups say about the consent."""
    look_ups = [
        LookUp(answer, since, at)
        for answer, since, micros in lines.all("looked_up")
        if (at := moment(micros)) is not None
    ]
    if consented_at is None or not look_ups:
        return None, ""
    lasts = timedelta(days=lines.number("checks") or 0)
    return check_of(look_ups, consent_date(account, consented_at), now, lasts)


def _still_counts(
    lines: Lines, account: Account, phone: str, given_at: datetime, now: datetime
) -> bool:
    """Whether an earlier consent than the one relied on could be relied on as well."""
    lasts = lines.number("settings")
    if lasts and now - given_at >= timedelta(days=lasts):
        return False
    check, _ = _number_check(lines, account, given_at, now)
    if check is None:
        return not lines.number("checks") or not is_american(phone)
    return not check.reassigned


def consent_date(account: Account, given_at: datetime) -> str:
    """The date of a consent in the account's time zone, by which lookups are made and stored."""
    return account.local_date(given_at).isoformat()


def _history(lines: Lines) -> tuple[Contact, ...]:
    """The contacts of the last days, on every channel."""
    return tuple(
        Contact(
            at=at, channel=channel, debt_id=debt, outcome=outcome, asked_for=fact == "wanted_call"
        )
        for fact, channel in _CONTACTS
        for debt, outcome, micros in lines.all(fact)
        if (at := moment(micros)) is not None
    )


def _creditor(
    lines: Lines,
    account: Account,
    phone: str,
    what: Limited,
    now: datetime,
    settings: Settings,
    sender: dict[str, str],
    channel: Channel,
) -> Creditor:
    own = lines.number("ceiling")
    ceiling = own if own is not None else settings.ceilings[what]
    is_over = (lines.number("tally") or 0) >= ceiling
    own = any(lines.words(name)[0] for name in sender)
    consent_days, check_days = lines.number("settings"), lines.number("checks")
    registration = "".join(lines.words(name)[1] for name in (sender if own else ("shared",)))
    return Creditor(
        party="third" if lines.words("settings")[0] == "third" else "first",
        sender_trouble=_sender_trouble(settings, sender) if channel == "sms" else "",
        unregistered="" if registration in REGISTERED else registration,
        paused=bool(lines.all("paused")),
        ceiling_lifts_at=account.next_midnight(now) if is_over else None,
        quiet_days=lines.listed("settings"),
        consent_lasts=timedelta(days=consent_days) if consent_days else None,
        # the lookup covers US numbers only
        checks_numbers_after=timedelta(days=check_days)
        if check_days and is_american(phone)
        else None,
    )


def _sender(lines: Lines, settings: Settings) -> dict[str, str]:
    """The account's own sender, else the installation's; empty if there is neither."""
    for name in ("MessagingServiceSid", "From"):
        if own := lines.words(name)[0]:
            return {name: own}
    shared = settings.twilio_messaging_service_sid
    return {"MessagingServiceSid": shared} if shared else {}


def _sender_trouble(settings: Settings, sender: dict[str, str]) -> str:
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        return "Texting is not set up: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are missing."
    if not settings.public_url:
        return "PUBLIC_URL is not set, so a text could not carry a link."
    return (
        "" if sender else "The account has no sender, and TWILIO_MESSAGING_SERVICE_SID is not set."
    )
