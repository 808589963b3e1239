"""Buy a number for a reserved line: one number, however often it is requested.

Twice is harmless: a line that is no longer reserved is left alone. Each number that is tried is
reserved in the line before it is bought, so that no two accounts buy the same one, and a purchase
whose answer was lost is found by the line's tag.
"""

from actions.deployment.numbers.number import (
    choose_number,
    plan_purchase,
    record_bought,
    record_no_number,
    record_not_bought,
)
from delivery.attempt import Snooze, recording
from delivery.registry import job
from effects.perform import perform
from models.deployment.phone_line import PhoneLine
from models.transactions import transaction


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def purchase_number(line_id: str) -> None:
    """Buy a number for the line of row `line_id`."""
    line = PhoneLine.get_by_id(line_id)
    if line.state != "reserved":
        return
    with transaction():
        effect = plan_purchase(PhoneLine.locked(line_id))
    if effect is None:
        found = choose_number(line.wanted, bool(line.wanted.get("emergencyAddressSid")))
        with transaction():
            effect = plan_purchase(PhoneLine.locked(line_id), found)
    if effect is None:
        with recording():
            record_no_number(PhoneLine.locked(line_id))
        return
    answer = perform(effect, asked_at=effect.created_at)
    if answer is not None:
        with recording():
            record_bought(PhoneLine.locked(line_id), effect, answer)
        return
    with transaction():
        goes_on = record_not_bought(PhoneLine.locked(line_id), effect)
    if goes_on:
        raise Snooze(f"line {line_id}: the number was taken, trying another", 0.0)
