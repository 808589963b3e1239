"""Try the receptionist before paying (B15): the clinic chats with it as it is configured now;
nothing is created at Vapi, nothing of the chat is stored, and no payment is needed.
"""

import json

import pytest

from models.deployment.trial_chat import TrialChat
from models.effects.daily_limit import DailyCeiling, DailyTally
from models.effects.effect import Effect
from models.transactions import database
from providers.vapi import client as vapi_api
from runtime.settings import get_settings
from tests.stand_ins.vapi_stand_in import CHATS
from tests.stories.wizard import FORWARDED, VOICE, Wizard

pytestmark = pytest.mark.one_database

SECRETIVE = "is the doctor in on Fridays"


@pytest.fixture
def wizard(client, vapi_stand_in) -> Wizard:
    return Wizard(client)


def says(wizard, message=SECRETIVE, conversation=None, **headers):
    more = {"conversationId": conversation} if conversation else {}
    return wizard.post("/try", {"message": message} | more, **headers)


def test_trial_chat_uses_the_current_configuration(wizard, vapi_stand_in):
    """Given a change of the configuration, then the next reply comes from an assistant rendered
    from it.
    """
    answer = says(wizard)
    assert answer.status_code == 200, answer.text
    assert SECRETIVE in answer.json["reply"]
    wizard.put("/voice", VOICE)
    wizard.put("/phone/forwarded", FORWARDED | {"businessName": "Harbor Dental"})
    assert "Harbor Dental" in says(wizard).json["reply"], "its greeting names the clinic"
    before, after = (chat["assistant"] for chat in vapi_stand_in.kept("chat"))
    assert before["voice"] != after["voice"]
    assert after["voice"].items() >= VOICE.items()
    assert "Harbor Dental" in json.dumps(after["model"])
    assert "server" not in after


def test_trial_chat_creates_nothing_at_vapi_and_stores_no_text(wizard, vapi_stand_in):
    reply = says(wizard).json["reply"]
    for kind in ("assistant", "tool", "squad", "file", "phone-number"):
        assert vapi_stand_in.kept(kind) == []
    assert Effect.select().count() == 0
    everything = " ".join(
        str(database.execute_sql(f'SELECT * FROM "{table}"').fetchall())
        for table in database.get_tables()
    )
    assert SECRETIVE not in everything
    assert reply not in everything


def test_trial_conversation_continues_under_its_id(wizard):
    first = says(wizard).json
    second = says(wizard, "and on Mondays", first["conversationId"]).json
    assert second["conversationId"] == first["conversationId"]
    assert "turn 1" in first["reply"]
    assert "turn 2" in second["reply"]
    assert says(wizard, "hello").json["conversationId"] != first["conversationId"]


def test_another_clinics_conversation_is_not_found(wizard, client, vapi_stand_in):
    conversation = says(wizard).json["conversationId"]
    chats = len(vapi_stand_in.kept("chat"))
    for other in (conversation, "try_nobody's"):
        assert says(Wizard(client), "hello", other).status_code == 404
    assert len(vapi_stand_in.kept("chat")) == chats


def test_repeated_idempotency_key_asks_vapi_once(wizard, vapi_stand_in):
    one, other = (says(wizard, **{"Idempotency-Key": "k1"}).json for _ in range(2))
    assert one == other
    assert len(vapi_stand_in.asked("POST", CHATS)) == 1


def test_a_card_number_is_refused_before_vapi_sees_it(wizard, vapi_stand_in):
    answer = says(wizard, "my card is 4242 4242 4242 4242")
    assert (answer.status_code, answer.json["code"]) == (422, "card_number_refused")
    assert vapi_stand_in.asked("POST", CHATS) == []


@pytest.mark.parametrize("message", ["", "x" * 2001, None, 7])
def test_invalid_message_is_refused_and_not_counted(wizard, message):
    assert wizard.post("/try", {"message": message}).status_code == 422
    assert DailyTally.select().count() == 0


@pytest.mark.parametrize("kind", ["error_500", "bad_gateway", "refuse", "rate_limit_429"])
def test_vapi_outage_answers_503_and_a_retry_works(wizard, vapi_stand_in, kind):
    """Given a failing Vapi, then the answer says when to retry, no chat is stored, the
    configuration is kept, and the retry works.
    """
    wizard.put("/phone/forwarded", FORWARDED | {"businessName": "Harbor Dental"})
    vapi_stand_in.fault(kind, CHATS)
    answer = says(wizard)
    assert (answer.status_code, answer.json["code"]) == (503, "provider_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert TrialChat.select().count() == 0
    again = says(wizard)
    assert (again.status_code, "Harbor Dental" in again.json["reply"]) == (200, True)


def test_vapi_timeout_is_reported_as_provider_unavailable(wizard, vapi_stand_in):
    vapi_stand_in.fault("timeout_before", CHATS, seconds=2)
    assert says(wizard).json["code"] == "provider_unavailable"


def test_refusal_by_vapi_is_answered_with_its_reason(wizard, vapi_stand_in):
    """Given a configuration that Vapi refuses, then the answer has its reason."""
    vapi_stand_in.fault("refused_400", CHATS)
    answer = says(wizard)
    assert (answer.status_code, answer.json["code"]) == (422, "provider_refused")
    assert "HTTP 400" in answer.json["detail"]


def test_trial_chat_without_vapi_settings_is_not_configured(wizard, monkeypatch):
    monkeypatch.setenv("VAPI_API_KEY", "")
    get_settings.cache_clear()
    vapi_api.client.cache_clear()
    answer = says(wizard)
    assert (answer.status_code, answer.json["code"]) == (503, "not_configured")


def test_daily_ceiling_limits_trial_chats_per_account(wizard, client, vapi_stand_in):
    DailyCeiling.change(wizard.has_its_noon_now().account.id, "chats", 2, "cli:ada")
    assert [says(wizard).status_code for _ in range(3)] == [200, 200, 409]
    answer = says(wizard)
    assert answer.json["code"] == "ceiling_reached"
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    assert len(vapi_stand_in.asked("POST", CHATS)) == 2
    assert says(Wizard(client)).status_code == 200
