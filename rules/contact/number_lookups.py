"""What lookups of reassigned numbers mean for a consent (47 CFR 64.1200(m)).

The database behind them holds the dates on which numbers were permanently disconnected. It answers
`yes` if that was on the date of the consent or later, and `no` if not; for consents before 27
January 2021, when all carriers began to report, it often has no data (FCC, DA 21-1649). So a `yes`
counts for every consent up to its date, and a `no` for every consent from its date on.

Only `no` allows contact. Without data or an answer there is no safe harbour, and the clinic can ask
the person: a later consent has data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.contact.facts import NumberCheck

YES, NO, NO_DATA = "yes", "no", "no_data_available"
INVALID = "not_valid"  # Twilio says that it is not a number
NOT_ENABLED, NOT_HERE, NOT_COVERED = "60606", "60607", "60610"  # twilio.com/docs/api/errors/60606 …
OF_THE_NUMBER = frozenset({YES, NO, NO_DATA, INVALID, NOT_HERE, NOT_COVERED})
ASKED_AGAIN = timedelta(days=1)  # after an error, which may have been fixed since

_WORDS = {
    NO_DATA: "there is no data about it since the consent was given",
    INVALID: "Twilio says that it is not a valid number",
    NOT_ENABLED: "Twilio has not enabled the lookup for this installation (60606)",
    NOT_HERE: "the lookup covers US numbers only (60607)",
    NOT_COVERED: "its carrier is not known (60610)",
}


@dataclass(frozen=True, slots=True)
class LookUp:
    """One answer about a number, looked up for a consent of the date `since` (ISO 8601)."""

    answer: str
    since: str
    at: datetime


def check_of(
    look_ups: Sequence[LookUp], consented_on: str, now: datetime, lasts: timedelta
) -> tuple[NumberCheck | None, str]:
    """What lookups say about a consent of a date: the check that counts, and why the last attempt
    gave no answer, as long as it need not be repeated. A missing answer for lack of data is kept
    for as long as a check `lasts`.
    """
    for one in look_ups:
        if one.answer == YES and consented_on <= one.since:
            return NumberCheck(one.at, reassigned=True), ""
    good = [one.at for one in look_ups if one.answer == NO and one.since <= consented_on]
    check = NumberCheck(max(good), reassigned=False) if good else None
    others = [
        one
        for one in look_ups
        if one.since == consented_on and one.answer not in {YES, NO} and one.at <= now
    ]
    last = max(others, key=lambda one: one.at, default=None)
    if last is None or (check is not None and check.at >= last.at):
        return check, ""
    again = lasts if last.answer == NO_DATA else ASKED_AGAIN
    return check, why_unknown(last.answer) if now - last.at < again else ""


def why_unknown(answer: str) -> str:
    """Why an answer says nothing about the number, in words."""
    return _WORDS.get(answer, f"Twilio did not answer the lookup ({answer})")


def is_refusal(answer: str) -> bool:
    """Whether Twilio refused the lookup, rather than answer about the number."""
    return answer not in OF_THE_NUMBER
