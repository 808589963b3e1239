"""Calling a person about an invoice: asked for, decided, placed at most once."""

from models.effects.effect import Effect
from tests.calling import Calling

GOES_ON = "vapi call goes on"


def test_a_call_that_is_asked_for_is_placed_once(calling: Calling):
    """Given a person who agreed, when staff ask for a call, then Vapi places one, from the clinic's
    number, with the payments member first, and with ids but no word about the debt.
    """
    calling.habits(rings_after=3600)

    answer = calling.asks()
    calling.work_calls()

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/calls/{answer.json['id']}"
    (placed,) = calling.placed()
    call = calling.call(answer.json["id"])
    assert (call.state, call.vapi_id) == ("queued", placed["id"])
    effect = Effect.get_by_id(call.effect_id)
    assert placed["name"] == effect.id
    assert placed["phoneNumberId"] == calling.line.vapi_id
    assert placed["customer"] == {"number": calling.phone, "externalId": call.id}
    assert effect.state == "confirmed"
    words = str(effect.request).lower()
    for secret in ("120", calling.customer.name.lower(), "root canal", calling.invoice.number):
        assert secret.lower() not in words
    assert placed["squadOverrides"]["variableValues"] == {"callId": call.id}
    assert calling.slots() == 1
