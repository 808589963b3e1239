"""Look up a number at Twilio before its customer is contacted, and act on the answer."""

from datetime import datetime

from actions.contact.escalate import open_escalation
from actions.contact.gate_facts import consent_date
from models.accounts.account_settings import AccountSettings
from models.base import to_micros
from models.contact.consent import Consent
from models.contact.contact_course import ContactCourse
from models.contact.hold import customer_key
from models.contact.number_lookup import NumberLookup
from models.delivery.stage import stage_again
from models.delivery.staged_job import find_staged, move_to
from models.effects.daily_limit import count_reserved, over_ceiling, uncount
from models.invoices.customer import Customer
from models.transactions import serialize_on, transaction
from rules.contact.number_lookups import YES
from rules.contact.policy import Channel
from runtime.clock import business_now, real_now
from runtime.errors import PayphoneError
from runtime.log import get_log

WHY = "number_reassigned"  # the reason of the escalation
# seconds until an abandoned lookup is retried: waiting jobs ask every half minute
AFTER_TROUBLE = 1_800.0
OVER = frozenset({"done", "dead", "cancelled"})  # states in which a job will not run by itself

log = get_log("contact")


class OverCeiling(PayphoneError):
    """The account has used up its lookups of the day."""


def request_look_up(customer: Customer, phone: str, channel: Channel, queue: str = "") -> None:
    """Stage a lookup for the consent that the gate relies on, which has just answered
    `number_not_checked` in this transaction. `queue` is that of the waiting job.

    A lookup that is under way is left alone. Staging it again would restore all its attempts
    whenever a job checks while Twilio is silent, so it would never be given up. That misses
    nothing: the answer and the end of its job are one commit, which waits for the keys that the
    caller holds; and if it ends without an answer, jobs that still wait ask again.
    """
    given = [
        row.given_at
        for row in Consent.all(
            "customer_id = ? AND phone = ? AND revoked_at IS NULL AND given_at <= ?",
            customer.id,
            phone,
            to_micros(business_now()),
        )
        if channel in row.channels
    ]
    if given:
        since = consent_date(customer.account, max(given))
        wanted = NumberLookup.request(customer, phone, since, real_now())
        job = find_staged("look_up_number", wanted.id)
        if job is None or job.state in OVER:
            stage_again(
                "look_up_number",
                wanted.id,
                wanted.id,
                fair_to=customer.account_id,
                queue=queue,
                delay=AFTER_TROUBLE if job is not None and job.state == "dead" else 0.0,
            )
        elif queue:
            move_to(queue, "look_up_number", wanted.id)


def begin_look_up(look_up_id: str) -> datetime | None:
    """Count the lookup about to be made, and return when it was counted. None if it was answered
    already or the account no longer wants lookups. Raises OverCeiling once the account has used up
    its lookups of the day.
    """
    with transaction():
        look_up = NumberLookup.get_by_id(look_up_id)
        settings, now = AccountSettings.of_account(look_up.account_id), business_now()
        if look_up.answer or not settings.number_check_days:
            return None
        if over_ceiling(look_up.account_id, "lookups", now):
            raise OverCeiling(f"Account {look_up.account_id} has used up its lookups of the day.")
        count_reserved(look_up.account, "lookups", now)
    return now


def record_unanswered(look_up_id: str, begun_at: datetime) -> None:
    """Uncount the lookup counted at `begun_at`, which Twilio has certainly not made and which is
    retried, so that Twilio's trouble does not use up the account's day.
    """
    with transaction():
        uncount(NumberLookup.get_by_id(look_up_id).account, "lookups", begun_at)


def record_answer(look_up_id: str, answer: str) -> None:
    """Store the answer, in the caller's transaction. If the number was reassigned, open a work item
    for each customer who consented there by the date that was checked.
    """
    look_up = NumberLookup.get_by_id(look_up_id)
    dates = _consents_there(look_up)
    # a decision about one of them then either waits for this job, or sees the answer
    serialize_on(*map(customer_key, sorted({look_up.customer_id, *dates})))
    look_up = NumberLookup.locked_with("account", look_up_id)
    if not look_up.record_answer(answer, business_now()):
        return
    if answer == YES:
        people = sorted(each for each, since in dates.items() if since <= look_up.since)
        log.warning("number was reassigned", look_up=look_up.id, account_id=look_up.account_id)
        for customer in map(Customer.get_by_id, people):
            open_escalation(
                look_up.account,
                customer,
                None,
                WHY,
                {"number": look_up.phone, "consentedOn": dates[customer.id]},
                subject=f"{customer.id}:{look_up.phone}",
                suggested="done",
            )
    for customer_id in sorted(dates):
        ContactCourse.recheck_customer(customer_id)


def _consents_there(look_up: NumberLookup) -> dict[str, str]:
    """The account's customers who consented to contact at the number, each with the date of the
    consent relied on: the latest of each channel, and the oldest of these.
    """
    rows = Consent.all(
        "account_id = ? AND phone = ? AND revoked_at IS NULL ORDER BY given_at",
        look_up.account_id,
        look_up.phone,
    )
    latest = {
        (row.customer_id, channel): consent_date(look_up.account, row.given_at)
        for row in rows
        for channel in row.channels
    }
    found: dict[str, str] = {}
    for (customer_id, _), given_on in latest.items():
        found[customer_id] = min(given_on, found.get(customer_id, given_on))
    return found
