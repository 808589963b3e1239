"""The gate: may this person be contacted on this channel now? The only place that decides it.

A pure decision from person, debt, account, history, channel and time, by the rules of
`rules/contact/policy.py`. It returns Allowed with an end time, or Refused with one code, a reason,
the rule, and the next time at which the contact would be allowed as far as is known (None: waiting
does not help). Callers run it inside the transaction that reserves the attempt, so that a payment,
an opt-out or a pause that commits first stops the contact.

Codes, in the order in which they are checked:

| code | meaning | waiting helps |
|---|---|---|
| `no_phone` | the customer has no phone number | no |
| `invoice_paid` | nothing is owed any more | no |
| `invoice_disputed` | a payment of the invoice is disputed: collection stops | no |
| `invoice_not_collectable` | draft, cancelled or written off | no |
| `opted_out` | the person has opted out | no |
| `deceased` | a hold: the person has died | if it has an end |
| `bankruptcy` | a hold: a bankruptcy stays collection | if it has an end |
| `attorney_represented` | a hold: their attorney must be contacted instead | if it has an end |
| `ppdr_open` | a hold: the bill is disputed under the No Surprises Act | if it has an end |
| `bill_disputed` | a hold: the person says that the bill is wrong | if it has an end |
| `insurance_appeal` | a hold: an appeal to their insurer is pending | if it has an end |
| `hardship` | a hold: a request for help is under review | if it has an end |
| `on_hold` | a hold placed by the clinic | if it has an end |
| `asked_for_later` | a hold: the person asked to be contacted at another time | yes |
| `contact_request` | the person asked for another channel or number (45 CFR 164.522(b)) | no |
| `suppressed` | the number cannot or must not be used (landline, wrong number …) | no |
| `no_consent` | this person has not consented to this channel for this number | no |
| `consent_too_old` | the consent is older than the account's policy allows | no |
| `no_written_consent` | the text is an offer, and there is no written consent | no |
| `number_reassigned` | the number has changed hands since the consent | no |
| `number_not_known` | the lookup of reassigned numbers gave no answer about it | no |
| `number_not_checked` | the lookup of reassigned numbers is due | once looked up |
| `third_party_sms` | carriers forbid texts about debts owed to another company | no |
| `third_party_call` | the assistant does not call for a collector | no |
| `natural_voice_required` | a person must introduce the call (California) | no |
| `sender_not_ready` | the account has no sender, or this installation no public address | no |
| `sender_unregistered` | the carriers are known not to have registered the sender | no |
| `paused` | an operator has paused this channel | no |
| `payment_processing` | a payment is being processed | no |
| `promised` | the person has promised to pay by a day that is not over | yes |
| `unknown_time_zone` | the person may be anywhere, or no hour is lawful in all their zones | no |
| `quiet_hours` | before 8:00 or after 21:00 in one of their zones (12 CFR 1006.6(b)) | yes |
| `quiet_day` | the account contacts nobody on this day | yes |
| `debt_too_young` | a collection action, and the state requires an older debt | yes |
| `recent_conversation` | the debt was discussed in the last seven days | yes |
| `person_cap` | the person has reached the cap of a day, or of their state's week | yes |
| `debt_cap` | the debt has reached the cap of a week | yes |
| `account_ceiling` | the account has reached its ceiling of the day | yes |
| `books_stale` | Stripe's events were last read hours ago: a payment may be missing | once read |
| `books_not_current` | events of this account wait to be processed | yes, seconds |
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from rules.contact.facts import Allowed, Answer, Facts, NumberCheck, Refused
from rules.contact.hours import (
    LAWFUL,
    Hours,
    begins_everywhere,
    closing,
    local_days,
    next_opening,
)
from rules.contact.places import Places
from rules.contact.policy import (
    DAY_HOURS,
    EXTRA_HOURS,
    RULES,
    WAYS,
    Rule,
    outcome_of,
)

BY_WHICH = {"sms": "by text", "voice": "by phone"}
DAY = timedelta(days=1)
SOON = timedelta(seconds=30)
LATER = timedelta(minutes=10)
HORIZON = timedelta(days=800)  # beyond this, waiting does not count as a way to be allowed
NOT_CHECKED = "number_not_checked"  # on this code the caller has the number looked up
TRANSIENT = frozenset({"books_not_current", NOT_CHECKED})
# under these holds the person may still be answered
ANSWERED = frozenset({"hold.dispute", "hold.hardship", "hold.later"})
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class _Question:
    """The facts at one moment. `asked`: when the question was put, from which some waits are
    counted.
    """

    facts: Facts
    at: datetime
    asked: datetime
    rules: tuple[Rule, ...]
    days: tuple[date, date]  # the earliest and latest local date where the person may be

    def applying(self, kind: str) -> Iterator[Rule]:
        """Yield the rules of a kind that apply to this contact at this moment."""
        return filter(self._applies, _of_kind(self.rules, kind))

    def one(self, rule_id: str) -> bool:
        """Whether the condition with this id applies to this contact at this moment."""
        return any(map(self._applies, _with_id(self.rules, rule_id)))

    def _applies(self, rule: Rule) -> bool:
        facts, (first, last) = self.facts, self.days
        return (
            facts.channel in rule.channels
            and facts.creditor.party in rule.parties
            and rule.in_force(first, last)
            and _may_live_there(rule, facts.person.places)
            and _is_due_for(rule, last - facts.debt.due_on)
        )


@lru_cache(maxsize=64)
def _of_kind(rules: tuple[Rule, ...], kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.kind == kind)


@lru_cache(maxsize=64)
def _with_id(rules: tuple[Rule, ...], rule_id: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.id == rule_id)


Check = Callable[[_Question], Iterator[Refused]]


def may_contact(facts: Facts, now: datetime, rules: tuple[Rule, ...] = RULES) -> Answer:
    """The gate's answer at `now` (business time, UTC)."""
    found = next(_refusals(facts, now, now, rules), None)
    if found is None:
        return Allowed(_until(_question(facts, now, now, rules)))
    if found.next_at is None:
        return found
    return replace(found, next_at=_first_allowed(facts, found.next_at, now, rules))


def decide(facts: Facts, now: datetime) -> Answer:
    """The gate's answer for a caller that can have the number looked up. Any other refusal takes
    precedence, so that no lookup is paid for needlessly.
    """
    answer = may_contact(facts, now)
    if isinstance(answer, Refused) and answer.code == NOT_CHECKED:
        checked = replace(facts.person, number_check=NumberCheck(now, reassigned=False))
        other = may_contact(replace(facts, person=checked), now)
        return other if isinstance(other, Refused) else answer
    return answer


def all_refusals(
    facts: Facts, now: datetime, rules: tuple[Rule, ...] = RULES
) -> tuple[Refused, ...]:
    """Every reason against the contact at `now`, most important first, for people who want to know.
    Each gives its own end.
    """
    return tuple(_refusals(facts, now, now, rules))


def _refusals(
    facts: Facts, at: datetime, asked: datetime, rules: tuple[Rule, ...]
) -> Iterator[Refused]:
    question = _question(facts, at, asked, rules)
    for check in _CHECKS:
        yield from check(question)


def _question(facts: Facts, at: datetime, asked: datetime, rules: tuple[Rule, ...]) -> _Question:
    return _Question(facts, at, asked, rules, local_days(facts.person.zones, at))


def _first_allowed(
    facts: Facts, after: datetime, asked: datetime, rules: tuple[Rule, ...]
) -> datetime | None:
    """The first moment from `after` on at which nothing blocks the contact. Each reason gives its
    end, by which another may have begun, so the search repeats.
    """
    moment = after
    while moment - asked < HORIZON:
        found = next(_refusals(facts, moment, asked, rules), None)
        if found is None:
            return moment
        if found.next_at is None or found.next_at <= moment:
            return None
        moment = found.next_at
    return None


def _until(question: _Question) -> datetime:
    """Until when the permission holds: until the day ends, or the consent or number check is too
    old.
    """
    person, creditor = question.facts.person, question.facts.creditor
    ends = [closing(person.zones, question.at, _hours(question)) or question.at]
    known_at = person.consented_at or question.at
    if creditor.consent_lasts is not None:
        ends.append(known_at + creditor.consent_lasts)
    if creditor.checks_numbers_after is not None and person.number_check is not None:
        ends.append(max(known_at, person.number_check.at) + creditor.checks_numbers_after)
    return min(ends)


def _about_the_debt(question: _Question) -> Iterator[Refused]:
    debt = question.facts.debt
    if not question.facts.person.phone:
        yield Refused(
            "no_phone", "The customer has no phone number. Add one, such as +12025550123."
        )
    if question.facts.purpose == "answer":
        return
    if debt.status == "paid":
        yield Refused(
            "invoice_paid", "The invoice is paid: nothing is owed, and nothing needs to be sent."
        )
    if debt.disputed:
        yield Refused(
            "invoice_disputed",
            "A payment of the invoice is disputed; it cannot be collected until the dispute is"
            " over. Answer it in Stripe's dashboard.",
        )
    if debt.status not in {"sent", "overdue"}:
        yield Refused(
            "invoice_not_collectable",
            f"The invoice is {debt.status.replace('_', ' ')}; only sent and overdue"
            " invoices are collected. Send it first if it is a draft.",
        )


def _about_their_wishes(question: _Question) -> Iterator[Refused]:
    facts, person = question.facts, question.facts.person
    if person.opted_out:
        yield Refused(
            "opted_out",
            f"The person has opted out of {WAYS[facts.channel]}. Only they can end that: with START"
            " for texts, or with a later consent that says so.",
            rule="revocation",
        )
    for rule in question.applying("hold"):
        if rule.id not in ANSWERED or facts.purpose != "answer":
            yield from _longest_hold(question, rule)
    wish = person.request
    if wish.channel not in {"", facts.channel} or wish.phone not in {"", person.phone}:
        where = " and ".join(
            [BY_WHICH.get(wish.channel, "")] * bool(wish.channel)
            + ["at another number"] * bool(wish.phone)
        )
        yield Refused(
            "contact_request",
            f"The person has asked to be contacted {where or 'otherwise'} only, as is their right."
            " Use that, or change the customer's contactRequest if they changed their mind.",
            rule="confidential_communication",
        )
    if person.suppressed:
        yield Refused(
            "suppressed",
            f"{person.suppressed.rstrip('.')}. Lift the suppression if you know that it is wrong.",
            rule="suppression",
        )


def _longest_hold(question: _Question, rule: Rule) -> Iterator[Refused]:
    """The longest open hold of this kind."""
    ends = [
        hold.until
        for hold in question.facts.person.holds
        if f"hold.{hold.kind}" == rule.id and (hold.until is None or hold.until > question.at)
    ]
    if ends:
        until = None if None in ends else max(end for end in ends if end is not None)
        lasts = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
        yield Refused(
            rule.code,
            f"There is a hold on the person{lasts}: {rule.what.rstrip('.')}. Remove the hold if it"
            " is over.",
            until,
            rule.id,
        )


def _about_consent(question: _Question) -> Iterator[Refused]:
    facts, person, creditor = question.facts, question.facts.person, question.facts.creditor
    if person.consented_at is None or person.consented_at > question.at:
        yield Refused(
            "no_consent",
            f"There is no consent to {WAYS[facts.channel]} to this number. Record one once the"
            " person has agreed.",
            rule="consent",
        )
        return
    age = question.at - person.consented_at
    if creditor.consent_lasts is not None and age >= creditor.consent_lasts:
        yield Refused(
            "consent_too_old",
            f"The consent to {WAYS[facts.channel]} is {age.days} days old; the account relies on"
            f" one for {creditor.consent_lasts.days} days. Record a new one once the person has"
            " agreed.",
            rule="consent.age",
        )
    if facts.is_offer and not person.consented_in_writing:
        yield Refused(
            "no_written_consent",
            "The text is an offer, which may go only to people who consented in writing. Remove"
            " the offer from the template, or record a written consent.",
            rule="consent.written_for_offers",
        )
    yield from _about_the_number(question, age)


def _about_the_number(question: _Question, age: timedelta) -> Iterator[Refused]:
    check, every = question.facts.person.number_check, question.facts.creditor.checks_numbers_after
    if check is not None and check.reassigned:
        yield Refused(
            "number_reassigned",
            "The number has changed hands since the consent was given, so it is another person's."
            " Ask for the right one.",
            rule="number.reassigned",
        )
    elif every is not None and (check is None or min(age, question.at - check.at) >= every):
        unknown = question.facts.person.number_unknown
        if unknown:
            yield Refused(
                "number_not_known",
                "It is not known whether the number has changed hands since the consent:"
                f" {unknown}. Ask the person, and record a new consent.",
                rule="number.checked",
            )
            return
        yield Refused(
            NOT_CHECKED,
            "The number has not been looked up lately, so it may have changed hands. It is looked"
            " up when a contact is requested; wait for that, or ask the person.",
            rule="number.checked",
        )


def _about_the_way(question: _Question) -> Iterator[Refused]:
    facts, creditor = question.facts, question.facts.creditor
    if question.one("carrier.third_party"):
        yield Refused(
            "third_party_sms",
            "The account collects for others, and carriers forbid texts about that whatever the"
            " consent. Use another channel.",
            rule="carrier.third_party",
        )
    if facts.artificial_voice and question.one("voice.third_party"):
        yield Refused(
            "third_party_call",
            "The account collects for others, and the assistant does not make a collector's"
            " disclosures. Call by hand.",
            rule="voice.third_party",
        )
    if (
        facts.artificial_voice
        and not creditor.person_introduces
        and question.one("voice.california")
    ):
        yield Refused(
            "natural_voice_required",
            "The person may live in California, where a natural voice introduces an automated call."
            " Call by hand, or use another channel.",
            rule="voice.california",
        )
    if creditor.sender_trouble:
        yield Refused(
            "sender_not_ready",
            f"{creditor.sender_trouble.rstrip('.')}. Ask the operator to set it.",
        )
    if creditor.unregistered and question.one("sender.registered"):
        yield Refused(
            "sender_unregistered",
            f"The carriers' registration of the account's sender is {creditor.unregistered}, so"
            " texts would be blocked. Ask the operator to finish it in the Twilio console.",
            rule="sender.registered",
        )
    if creditor.paused:
        yield Refused(
            "paused",
            f"An operator has paused {WAYS[facts.channel]}. Ask them when these will resume.",
        )
    if facts.debt.payment_processing and facts.purpose != "answer":
        yield Refused(
            "payment_processing",
            "A payment of the invoice is being processed. Wait until it has arrived or failed.",
        )


def _about_promises(question: _Question) -> Iterator[Refused]:
    facts, until = question.facts, question.facts.debt.promised_until
    if until is None or question.at >= until or facts.purpose == "answer":
        return
    if question.one("promise"):
        yield Refused(
            "promised",
            f"The person has promised to pay, and is not asked again until {until:%Y-%m-%d %H:%M}"
            " UTC. Wait, or answer what they ask.",
            until,
            "promise",
        )


def _about_the_hour(question: _Question) -> Iterator[Refused]:
    zones, hours = question.facts.person.zones, _hours(question)
    if closing(zones, question.at, hours) is not None:
        return
    opening = next_opening(zones, question.at, hours)
    if opening is None:
        yield Refused(
            "unknown_time_zone",
            "The person's time zone is not known, so no hour is known to be lawful. Add their"
            " time zone or address.",
            rule="hours",
        )
        return
    yield Refused(
        "quiet_hours",
        f"It is before {hours.opens}:00 or after {hours.closes}:00 where the"
        " person may be; contact is allowed between these hours. Ask again then.",
        opening,
        "hours",
    )


def _about_the_day(question: _Question) -> Iterator[Refused]:
    facts, zones = question.facts, question.facts.person.zones
    for day in sorted(set(question.days)):
        if _is_quiet(day, facts.creditor.quiet_days):
            yield Refused(
                "quiet_day",
                f"The account contacts nobody on {day.isoformat()}. Ask again on another day, or"
                " change the account's quietDays.",
                begins_everywhere(zones, day + DAY),
                "quiet_days",
            )
            return


def _about_its_age(question: _Question) -> Iterator[Refused]:
    facts, zones = question.facts, question.facts.person.zones
    for rule in question.applying("minimum_age") if facts.purpose == "collection" else ():
        ripe = begins_everywhere(zones, facts.debt.billed_on + rule.numbers["days"] * DAY)
        if question.at < ripe:
            yield Refused(
                "debt_too_young",
                f"The invoice is younger than {rule.numbers['days']} days, and {rule.states[0]}"
                " allows no collection action before. Send a reminder, or wait.",
                ripe,
                rule.id,
            )


def _about_conversations(question: _Question) -> Iterator[Refused]:
    facts, zones = question.facts, question.facts.person.zones
    for rule in question.applying("cool_down"):
        talks = [
            contact.at
            for contact in facts.history
            if contact.channel in rule.channels
            and outcome_of(contact.outcome).conversation
            and (rule.scope == "person" or contact.debt_id == facts.debt.id)
        ]
        if not talks:
            continue
        over = max(
            begins_everywhere(zones, local_days(zones, talk)[1] + rule.numbers["days"] * DAY)
            for talk in talks
        )
        if question.at < over:
            yield Refused(
                "recent_conversation",
                f"The person was spoken to about this at {max(talks):%Y-%m-%d %H:%M} UTC; for"
                f" {rule.numbers['days']} days, including that day, no further call is made. Ask"
                " again then, or use another channel.",
                over,
                rule.id,
            )


def _about_caps(question: _Question) -> Iterator[Refused]:
    """The caps that are reached, those per person first, each with its end."""
    for scope in ("person", "debt"):
        for rule in question.applying("cap"):
            if rule.scope == scope:
                yield from _capped(question, rule)


def _capped(question: _Question, rule: Rule) -> Iterator[Refused]:
    most, days = rule.numbers["most"], rule.numbers["days"]
    # one extra hour for windows of several days, for the night in which clocks go back
    window = timedelta(hours=days * DAY_HOURS + (EXTRA_HOURS if days > 1 else 0))
    counted = sorted(
        contact.at
        for contact in question.facts.history
        if contact.channel in rule.channels
        and contact.at > question.at - window
        and outcome_of(contact.outcome).counts_as(rule.counts)
        and not contact.asked_for
        and (rule.scope == "person" or contact.debt_id == question.facts.debt.id)
    )
    if len(counted) < most:
        return
    noun = "The person has" if rule.scope == "person" else "The invoice has"
    what = "contacts" if len(rule.channels) > 1 else WAYS[rule.channels[0]]
    lasts = "24 hours" if days == 1 else f"{days} days"
    where = "".join(f" in {place}" for place in (rule.cities or rule.states)[:1])
    yield Refused(
        rule.code,
        f"{noun} had {len(counted)} {what} in {lasts}, and may have {most}{where}. Ask again"
        " later.",
        counted[-most] + window,
        rule.id,
    )


def _about_the_account(question: _Question) -> Iterator[Refused]:
    facts = question.facts
    lifts_at = facts.creditor.ceiling_lifts_at
    if lifts_at is not None and question.at < lifts_at:
        yield Refused(
            "account_ceiling",
            "The account has reached its ceiling of the day. Ask again tomorrow, or ask the"
            " operator to raise it.",
            lifts_at,
        )
    if facts.purpose == "answer":
        return
    if facts.debt.books == "stale" and question.at < question.asked + LATER:
        yield Refused(
            "books_stale",
            "Stripe's list of this account's events has not been read for hours, so a payment may"
            " be missing here. Ask the operator to run `bin/payphone doctor`.",
            question.asked + LATER,
        )
    if facts.debt.books == "behind" and question.at < question.asked + SOON:
        yield Refused(
            "books_not_current",
            "Events about this account's payments are waiting to be processed. Ask again in half a"
            " minute.",
            question.asked + SOON,
        )


# Refusals that waiting cannot cure come before those that it can, and a promise before the hour of
# the day, because it is the more useful reason.
_CHECKS: tuple[Check, ...] = (
    _about_the_debt,
    _about_their_wishes,
    _about_consent,
    _about_the_way,
    _about_promises,
    _about_the_hour,
    _about_the_day,
    _about_its_age,
    _about_conversations,
    _about_caps,
    _about_the_account,
)


def _hours(question: _Question) -> Hours:
    """The hours that all applying rules leave."""
    rules = [rule.numbers for rule in question.applying("hours")]
    return Hours(
        max((numbers["opens"] for numbers in rules), default=LAWFUL.opens),
        min((numbers["closes"] for numbers in rules), default=LAWFUL.closes),
    )


def _may_live_there(rule: Rule, places: Places) -> bool:
    """Whether the person may live where the rule is in force."""
    if rule.cities:
        return not set(rule.cities).isdisjoint(places.cities)
    return not rule.states or not set(rule.states).isdisjoint(places.states)


def _is_due_for(rule: Rule, age: timedelta) -> bool:
    """Whether a debt has been due long enough for a rule to apply."""
    return "debt_days" not in rule.numbers or age.days > rule.numbers["debt_days"]


def is_quiet_day(text: str) -> bool:
    """Whether a text names a weekday, a day of every year, or a date."""
    if text in WEEKDAYS:
        return True
    try:
        # 2028 is a leap year, so that 29 February can be meant
        day = date.fromisoformat(text if len(text) == len("2026-11-26") else f"2028-{text}")
    except ValueError:
        return False
    return text in {day.isoformat(), f"{day:%m-%d}"}


def _is_quiet(day: date, quiet_days: tuple[str, ...]) -> bool:
    """Whether a day is one of these weekdays, days of the year, or dates."""
    return not {WEEKDAYS[day.weekday()], f"{day:%m-%d}", day.isoformat()}.isdisjoint(quiet_days)
