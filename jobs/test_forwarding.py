"""Place a requested test call to a clinic's number, at most once.

Twice is harmless: one process wins the right to place it, and a call whose outcome is unknown is
not repeated; whether it arrived is seen at the number it should be forwarded to.
"""

from actions.deployment.numbers.forwarding import ARRIVES_WITHIN, why_not_placed
from delivery.attempt import own_queue, recording
from delivery.registry import job
from effects.deployment.twilio.test_calls import FORWARDING_CALL
from effects.perform_once import perform_once, was_not_sent
from effects.reserve import reserve_for_account
from models.delivery.stage import stage
from models.deployment.forwarding_test import ForwardingTest
from models.deployment.phone_line import PhoneLine
from models.effects.effect import Effect
from models.transactions import transaction
from runtime.clock import real_now
from runtime.settings import get_settings

NOT_PLACED = "It could not be placed in time. Test again."
LOOK_AFTER = 5.0  # seconds; no call arrives sooner


@job(queue="calls", calls_out=True, attempts=4, timeout=20)
def test_forwarding(test_id: str) -> None:
    """Place the call of row `test_id`."""
    test = ForwardingTest.get_by_id(test_id)
    if test.state != "asked":
        return
    line = PhoneLine.get_by_id(test.line_id)
    with transaction():
        is_begun = Effect.has("key = ?", f"{FORWARDING_CALL.name}:{test.id}")
        why = "" if is_begun else why_not_placed(test, line)
        if why:
            test.record(real_now(), state="refused", detail=why)
            return
        effect = reserve_for_account(
            FORWARDING_CALL,
            test.id,
            {
                "to": test.number,
                "from": get_settings().forwarding_test_number,
            },
            line.account_id,
            test.asked_by,
            "does the clinic's number forward",
            deadline=test.created_at + ARRIVES_WITHIN,
        )
    answer = perform_once(effect)
    now = real_now()
    with recording():
        if answer is not None:
            effect.record_confirmed(answer["id"], FORWARDING_CALL.kept(answer), now)
            test.record(now, state="calling", call_sid=answer["id"])
        elif effect.state == "refused":
            why = NOT_PLACED if was_not_sent(effect) else effect.error or ""
            test.record(now, state="refused", detail=why)
            return
        else:
            test.record(now, state="unknown")
        about, queue = (test.id, test.id), own_queue()
        stage("check_forwarding", *about, fair_to=line.account_id, queue=queue, delay=LOOK_AFTER)
