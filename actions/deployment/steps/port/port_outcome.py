"""Record the outcome of a port: the number has moved and is the account's, or stays with its
carrier.
"""

from actions.deployment.step import Json
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.deployment.setup import Setup
from runtime.clock import real_now, rfc3339

NAME = "port_request"
KEPT = (
    "{number} stays at Twilio: deploy again, port it to another carrier, or ask the operator of"
    " this installation to release it."
)


def record_moved(account_id: str, number_sid: str) -> PhoneLine | None:
    """Record that the number is at Twilio. From now on only an operator releases it, because that
    cannot be undone. Needs a transaction.
    """
    now = real_now()
    line, request = PhoneLine.of(account_id), Resource.named(account_id, NAME)
    if line is None or request is None or line.source != "ported":
        return None
    wanted = line.wanted | {"ported": rfc3339(now)}
    line.record(now, state="owned", twilio_sid=number_sid, wanted=wanted)
    request.record(now, state="released")
    return line


def record_not_moved(account_id: str) -> None:
    """Free the slot: the number stayed with its carrier. Needs a transaction."""
    now = real_now()
    request, line = Resource.named(account_id, NAME), PhoneLine.of(account_id)
    if request is not None:
        request.record(now, state="released")
    if line is not None and line.source == "ported" and not line.wanted.get("ported"):
        line.record(now, state="released", holds_slot=False)
        Setup.locked_for(account_id, now).record_port(line.e164, "pending_configuration", now)


def record_end(account_id: str, end: Json) -> PhoneLine | None:
    """Record how the request ended according to `end`, the result of cancelling it. Return the line
    if the number moved.
    """
    if end.get("came_to") == "moved":
        return record_moved(account_id, end["number_sid"])
    record_not_moved(account_id)
    return None
