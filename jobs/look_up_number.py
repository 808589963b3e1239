"""Ask Twilio, before a customer is contacted, whether their number was reassigned since they
consented.

Twice is harmless: an answered lookup is not repeated, and one whose answer was lost costs Twilio's
fee once more and nothing else. Each request counts towards the account's daily limit, even if it
ends in a final error, but not if Twilio turns it away to be retried.
"""

from datetime import date

from actions.people.number_lookups import (
    OverCeiling,
    begin_look_up,
    record_answer,
    record_unanswered,
)
from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.contact.number_lookup import NumberLookup
from providers.errors import ProviderError
from providers.twilio.lookups import may_have_looked_up, number_reassigned
from runtime.errors import Misconfigured

TOMORROW_OR_RAISED = 1_800.0  # seconds between checks whether the ceiling has room again


@job(queue="messages", calls_out=True, attempts=8, timeout=20, backoff=5.0)
def look_up_number(look_up_id: str) -> None:
    """Ask Twilio about lookup `look_up_id`, and store the answer."""
    look_up = NumberLookup.get_by_id(look_up_id)
    try:
        begun_at = begin_look_up(look_up.id)
    except OverCeiling as error:
        raise Snooze(str(error), TOMORROW_OR_RAISED) from error
    if begun_at is None:
        return
    try:
        answer = number_reassigned(look_up.phone, date.fromisoformat(look_up.since))
    except (Misconfigured, ProviderError) as error:
        if isinstance(error, Misconfigured) or not may_have_looked_up(error):
            record_unanswered(look_up.id, begun_at)
        raise
    with recording():
        record_answer(look_up.id, answer)
