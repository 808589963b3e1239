"""Release the number of a line at Twilio, and free the line's slot.

Twice is harmless: a line that is not being released is left alone, and a number that no longer
exists counts as released.
"""

from actions.deployment.numbers.number import (
    find_unknown,
    plan_release,
    record_not_released,
    record_released,
)
from actions.deployment.open_effects import settle_open_purchases
from delivery.attempt import recording
from delivery.registry import job
from effects.perform import perform
from models.deployment.phone_line import PhoneLine
from models.transactions import transaction


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def release_number(line_id: str) -> None:
    """Release the number of the line of row `line_id`."""
    line = PhoneLine.get_by_id(line_id)
    if line.state != "releasing":
        return
    settle_open_purchases(line_id)
    line = PhoneLine.get_by_id(line_id)
    unknown = find_unknown(line) if line.twilio_sid is None else ""
    with transaction():
        effect = plan_release(PhoneLine.locked(line_id), unknown)
    answer = perform(effect, asked_at=effect.created_at) if effect is not None else {}
    with recording():
        line = PhoneLine.locked(line_id)
        if answer is None and effect is not None:
            record_not_released(line, effect)
        else:
            record_released(line, effect)
