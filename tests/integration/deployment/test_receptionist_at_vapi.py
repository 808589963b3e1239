"""What a deployment creates at Vapi: one of each, in order, updated when needed, and deleted on
take-down.
"""

import json
from datetime import timedelta

import pytest

from actions.deployment.steps import activation, query_tool
from effects.deployment.vapi.number_texts import text_webhook
from effects.deployment.vapi.squad import SQUAD_CREATE
from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.installation import installation_tag, tagged
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.twilio import client as twilio_api
from providers.vapi import assistants, lists
from providers.vapi.redaction import HEADER
from rules.deployment.query_tool import FUNCTION
from runtime.clock import real_now
from runtime.settings import get_settings
from sandbox.vapi.control import answering, edit
from tests import given
from tests.stories.voice import SECRET

pytestmark = pytest.mark.slow  # nearly every test deploys first, and most make something fail then

KINDS = ("tool", "assistant", "squad", "phone-number")
ONE_OF_EACH = {"tool": 1, "assistant": 2, "squad": 1, "phone-number": 1}
NOTHING = dict.fromkeys(KINDS, 0)


@pytest.fixture
def live(deploying):
    """A live receptionist with one file."""
    deploying.uploads()
    assert deploying.deploys().status == "live", deploying.newest.error
    return deploying


def audited(action):
    return [entry.detail for entry in AuditEntry.select().where(AuditEntry.action == action)]


def numbers_at_twilio(deploying):
    return list(deploying.stand_in.sandbox.twilio.books.incoming.values())


def staged_deletions():
    return list(StagedJob.select().where(StagedJob.name == "delete_knowledge_file"))


# ------------------------------------------------------------------------------ going live


def test_a_deployment_makes_one_of_each_and_callers_hear_the_pinned_receptionist(live):
    """Given a clinic with a file, when it deploys, then there is one of each object, and calls
    reach the pinned receptionist.
    """
    assert live.counts() == ONE_OF_EACH
    (tool,), (squad,) = live.at_vapi("tool"), live.at_vapi("squad")
    assert tool["function"]["name"] == FUNCTION
    first, second = squad["members"]
    assert first["assistantId"] == live.made("receptionist").provider_id
    assert second["assistantId"] == live.made("payments").provider_id
    assert first["assistantVersion"] == second["assistantVersion"] == "v1"
    heard = answering(live.vapi, live.line.e164)
    assert heard["firstMessage"].startswith("Thank you for calling Harbor Dental.")
    assert heard["model"]["toolIds"] == [tool["id"]]
    (number,) = live.at_vapi("phone-number")
    assert (number["smsEnabled"], number["squadId"]) == (False, squad["id"])
    assert live.line.vapi_id == number["id"]


def test_it_is_told_in_the_words_of_old(live):
    told = live.told()
    wanted = [
        "Purchasing Twilio phone number... ✓",
        "Creating AI assistant... ✓",
        "Setting up call routing... ✓",
        "System is now live! ✓",
    ]
    assert [message for message in told if message in wanted] == wanted


def test_texts_still_come_to_us(live):
    """Given a number imported into Vapi, then its texts still go to us, and Twilio has our fallback
    URLs.
    """
    (number,) = numbers_at_twilio(live)
    assert number["sms_url"] == text_webhook() == "http://payphone/api/webhooks/twilio/messages"
    assert number["sms_fallback_url"] == text_webhook()
    assert number["voice_fallback_url"] == "http://payphone/api/webhooks/twilio/voice"
    assert "vapi" in number["voice_url"]


def test_everything_carries_the_tag_of_this_installation(live):
    names = [row["name"] for kind in KINDS[1:] for row in live.at_vapi(kind)]
    (tool,) = live.at_vapi("tool")
    names.append(tool["knowledgeBases"][0]["name"])
    rows = Resource.all("account_id = ? AND provider = 'vapi'", live.account.id)
    assert sorted(names) == sorted(tagged(row.id) for row in rows)
    assert all(name.startswith(f"{installation_tag()}-") for name in names)


def test_neither_patients_nor_secrets_are_in_what_is_sent_and_kept(deploying):
    """Given customers with invoices, then nothing about them goes to Vapi, and no secret is
    stored.
    """
    patient = given.a_customer(deploying.account, name="Zebulon Quartz", phone="+12025550177")
    given.an_invoice(deploying.account, customer=patient, number="INV-ZQ-77", project="Root canal")
    assert deploying.deploys().status == "live"
    kept = json.dumps([[row.request, row.answer] for row in Effect.select()])
    sent = json.dumps([row["params"] for kind in KINDS for row in deploying.requests("POST", kind)])
    for word in ("Zebulon", "5550177", "INV-ZQ", "Root canal"):
        assert word not in sent
        assert word not in kept
    for secret in ("vapi-webhook-secret", deploying.token):
        assert secret not in kept


def test_a_transfer_that_would_come_back_is_none(deploying):
    """Given a transfer number that forwards to us, then the assistant has no transfer tool, which
    would send callers in circles.
    """
    deploying.configures(transferNumber="+12025550123")
    assert deploying.deploys().status == "live"
    tools = answering(deploying.vapi, deploying.line.e164)["model"]["tools"]
    assert [tool["type"] for tool in tools] == ["endCall"]
    deploying.configures(transferNumber="+12025550199")
    assert deploying.deploys().status == "live"
    tools = answering(deploying.vapi, deploying.line.e164)["model"]["tools"]
    assert [tool["type"] for tool in tools] == ["transferCall", "endCall"]


# ---------------------------------------------------------------------------------- files


def test_without_files_there_is_no_tool(deploying):
    assert deploying.deploys().status == "live"
    assert deploying.counts() == ONE_OF_EACH | {"tool": 0}
    assert deploying.step("query_tool").state == "skipped"
    assert query_tool.NONE in deploying.told()


def test_files_that_cannot_be_read_are_said_to_be(deploying):
    deploying.uploads(state="failed")
    assert deploying.deploys().status == "live"
    assert query_tool.UNREADABLE in deploying.told()


def test_files_that_are_being_read_are_waited_for(deploying):
    """Given a file that Vapi is still reading, then the deployment waits and has it in the end."""
    file = deploying.uploads(state="processing")
    deploying.asks()
    deploying.works(rounds=6)
    assert deploying.step("query_tool").state == "running"
    assert query_tool.READING in deploying.told()
    file.record(file.updated_at, state="done")
    deploying.works()
    assert deploying.newest.status == "live"
    assert deploying.at_vapi("tool")[0]["knowledgeBases"][0]["fileIds"] == [file.vapi_id]


def test_files_are_not_waited_for_for_ever(deploying):
    """Given one file that is never read, then the others are used, and the deployment's events name
    it.
    """
    done = deploying.uploads("hours.txt")
    deploying.uploads("novel.pdf", state="processing")
    deploying.asks()
    deploying.works(rounds=6)
    deploying.has_waited("query_tool", seconds=301)
    deploying.works()
    assert deploying.newest.status == "live"
    assert deploying.at_vapi("tool")[0]["knowledgeBases"][0]["fileIds"] == [done.vapi_id]
    assert query_tool.LEFT_OUT.format(names="novel.pdf") in deploying.told()


# ------------------------------------------------------------------------------ redeploying


def test_deploying_again_unchanged_changes_nothing(live):
    """Given no change, when the clinic redeploys, then Vapi is only read."""
    before = {kind: len(live.requests("POST", kind)) for kind in KINDS}
    assert live.deploys().status == "live"
    assert {kind: len(live.requests("POST", kind)) for kind in KINDS} == before
    assert [len(live.requests("PATCH", kind)) for kind in KINDS] == [0, 0, 0, 0]
    states = live.states()
    for name in ("query_tool", "receptionist", "payments", "squad", "routing"):
        assert states[name] == "skipped"
    assert "The receptionist is up to date." in live.told()


def test_deploying_again_updates_what_changed_and_pins_it_anew(live):
    """Given another voice, then both assistants are updated in full, and the squad pins v2."""
    live.setup.record(live.setup.updated_at, voice={"provider": "11labs", "voiceId": "sarah"})
    assert live.deploys().status == "live"
    assert [len(live.requests("PATCH", kind)) for kind in KINDS] == [0, 2, 1, 0]
    for request in live.requests("PATCH", "assistant"):
        assert set(request["params"]["model"]) >= {"provider", "model", "messages", "toolIds"}
    heard = answering(live.vapi, live.line.e164)
    assert heard["voice"] == {"provider": "11labs", "voiceId": "sarah"}
    assert heard["latestVersion"] == "v2"
    assert live.counts() == ONE_OF_EACH


def test_deploying_again_gives_vapi_the_secrets_that_are_newest(live, monkeypatch):
    """Given a new Vapi webhook secret and a new Twilio token, when the clinic redeploys, then Vapi
    gets both, once, and they are not stored.
    """
    rolled, token = "vapi-webhook-secret-0002", "another-token-of-twilio-s-000001"
    monkeypatch.setenv("VAPI_WEBHOOK_SECRET", f"{rolled},{SECRET}")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", f"{token},{live.token}")
    (account,) = live.stand_in.sandbox.twilio.books.tokens
    monkeypatch.setitem(live.stand_in.sandbox.twilio.books.tokens, account, token)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    assert live.deploys().status == "live", live.newest.error
    sent = {json.dumps(row["server"]["headers"]) for row in live.at_vapi("assistant")}
    assert sent == {json.dumps({HEADER: rolled})}
    (number,) = live.at_vapi("phone-number")
    assert (number["twilioAuthToken"], number["smsEnabled"]) == (token, False)
    kept = json.dumps([[row.request, row.answer] for row in Effect.select()])
    assert rolled not in kept
    assert token not in kept
    asked = len(live.requests("PATCH", "assistant"))
    assert live.deploys().status == "live"
    assert len(live.requests("PATCH", "assistant")) == asked  # sent once


def test_a_secret_that_never_arrived_is_sent_again(live, monkeypatch):
    """Given an update with nothing but a new secret that is lost on its way, then it is sent again,
    although what Vapi shows already matches.
    """
    rolled = "vapi-webhook-secret-0002"
    monkeypatch.setenv("VAPI_WEBHOOK_SECRET", f"{rolled},{SECRET}")
    get_settings.cache_clear()
    live.fault("timeout_before", "PATCH", "/assistant/*", seconds=2)
    assert live.deploys().status == "live", live.newest.error
    sent = {json.dumps(row["server"]["headers"]) for row in live.at_vapi("assistant")}
    assert sent == {json.dumps({HEADER: rolled})}


def test_what_a_restored_backup_forgot_is_looked_for_among_what_is_newer(live, monkeypatch):
    """Given more squads at Vapi than one search reads, all older than the deployment, then the
    deployment's own one is found.
    """
    monkeypatch.setattr(lists, "MOST_PAGES", 1)
    (effect,) = live.effects("squad_create")
    (ours,) = live.at_vapi("squad")
    for _ in range(lists.FULL):
        row = live.vapi.books.keep("squad", {"name": "another", "members": []})
        row["createdAt"] = "2020-01-01T00:00:00.000Z"
    found = SQUAD_CREATE.find_asked(effect, live.newest.created_at)
    assert found["id"] == ours["id"]


def test_a_new_file_changes_the_tool_alone(live):
    file = live.uploads("hours.txt")
    assert live.deploys().status == "live"
    assert [len(live.requests("PATCH", kind)) for kind in KINDS] == [1, 0, 0, 0]
    assert file.vapi_id in live.at_vapi("tool")[0]["knowledgeBases"][0]["fileIds"]


def test_a_file_that_was_deleted_goes_once_the_tool_has_let_go_of_it(live):
    """Given a deleted file that Vapi keeps for the tool, when the clinic redeploys, then the tool
    no longer has it, and its deletion is tried again.
    """
    kept, (old, *_) = live.uploads("hours.txt"), live.at_vapi("file")
    assert live.deploys().status == "live"
    KnowledgeFile.update(state="deleting").where(KnowledgeFile.vapi_id == old["id"]).execute()
    assert live.deploys().status == "live"
    row = KnowledgeFile.get(KnowledgeFile.vapi_id == old["id"])
    assert [job.key for job in staged_deletions()] == [row.id]
    assert live.at_vapi("tool")[0]["knowledgeBases"][0]["fileIds"] == [kept.vapi_id]


def test_when_the_last_file_is_deleted_the_tool_and_the_file_go_with_the_next_deploy(live):
    """Given no file any more, when the clinic redeploys, then the search tool is deleted, and so
    are files; a later file gets a new tool.
    """
    (file,) = KnowledgeFile.select()
    file.record(file.updated_at, state="deleting")
    assert live.deploys().status == "live"
    live.works()
    assert live.counts() == ONE_OF_EACH | {"tool": 0}
    assert answering(live.vapi, live.line.e164)["model"].get("toolIds", []) == []
    assert [job.key for job in staged_deletions()] == [file.id]
    assert live.deploys().status == "live"
    live.uploads("new.txt")
    assert live.deploys().status == "live"
    assert live.counts() == ONE_OF_EACH
    live.works()
    assert live.counts() == ONE_OF_EACH
    assert live.takes_down().status == "taken_down"
    assert live.counts() == NOTHING


def test_a_search_that_is_in_use_is_not_cleaned_up(deploying):
    """Given a last file that is deleted just after the receptionist went live, before the clean-up
    has run, then its search stays the account's until the next Deploy, which removes it.
    """
    file = deploying.uploads()
    deploying.asks()
    deploying.works_until("live")
    file.record(file.updated_at, state="deleting")
    given.worked(deploying.redis, "deploys")
    assert deploying.made("query_tool").provider_id == deploying.at_vapi("tool")[0]["id"]
    assert deploying.effects("tool_drop") == []
    assert deploying.deploys().status == "live"
    deploying.works()
    assert deploying.counts() == ONE_OF_EACH | {"tool": 0}


def test_a_tool_that_somebody_else_uses_is_waited_for(live):
    """Given an assistant made by hand that uses our tool, then the clinic stays live, and the tool
    is deleted once it is free.
    """
    with live.vapi.shared.lock:
        body = {"name": "by hand", "model": {"toolIds": [live.made("query_tool").provider_id]}}
        other = live.vapi.books.keep("assistant", body)
    KnowledgeFile.delete().execute()
    assert live.deploys().status == "live"
    live.works()
    assert (live.newest.status, live.counts()["tool"]) == ("live", 1)
    with live.vapi.shared.lock:
        live.vapi.books.drop("assistant", other["id"])
    given.make_due()
    given.relayed(live.redis)
    live.works()
    assert live.counts() == ONE_OF_EACH | {"tool": 0}


def test_what_a_lost_effect_made_is_found_by_the_tag_of_its_step(deploying):
    """Given a restored database without the effect that created an assistant, then the assistant
    with the step's tag is used, and no second one is created.
    """
    deploying.asks()
    deploying.works_until("number")
    Deployment.update(created_at=real_now() - timedelta(minutes=5)).execute()
    body = {"model": {"provider": "openai", "model": "gpt-4.1", "messages": []}}
    made = assistants.create_assistant(body, tagged(deploying.step("receptionist").id))
    deploying.works()
    assert deploying.newest.status == "live"
    assert deploying.made("receptionist").provider_id == made["id"]
    assert deploying.counts()["assistant"] == 2


def test_a_change_by_hand_is_shown_and_set_back(live):
    """Given a receptionist edited by hand at Vapi, then a redeployment reports that and restores
    ours.
    """
    receptionist = live.made("receptionist").provider_id
    edit(live.vapi, receptionist, {"firstMessage": "Yo!", "model": {"provider": "openai"}})
    assert live.deploys().status == "live"
    heard = answering(live.vapi, live.line.e164)
    assert heard["firstMessage"].startswith("Thank you for calling Harbor Dental.")
    assert heard["model"]["toolIds"] == [live.made("query_tool").provider_id]
    (said,) = (message for message in live.told() if "by hand" in message)
    assert "firstMessage" in said
    assert "model.messages" in said
    (entry,) = audited("deployment.drift_found")
    assert "firstMessage" in entry["paths"]
    assert live.step("receptionist").made["changedByHand"]


def test_an_update_whose_answer_is_lost_is_not_taken_for_unchanged(live):
    """Given an update that was done but not answered, then its version is recorded, and the squad
    pins it.
    """
    edit(live.vapi, live.made("receptionist").provider_id, {"firstMessage": "Yo!"})
    live.fault("error_500_after", "PATCH", "/assistant/*")
    assert live.deploys().status == "live"
    assert len(live.requests("PATCH", "assistant")) == 1
    assert live.made("receptionist").version == "v3"
    assert answering(live.vapi, live.line.e164)["firstMessage"].startswith("Thank you")


def test_what_was_taken_away_by_hand_is_made_anew(live):
    """Given an assistant deleted by hand, then a redeployment creates it again."""
    gone = live.made("receptionist").provider_id
    with live.vapi.shared.lock:
        live.vapi.books.drop("assistant", gone)
    assert live.deploys().status == "live"
    assert live.counts() == ONE_OF_EACH
    assert live.made("receptionist").provider_id != gone
    assert answering(live.vapi, live.line.e164)["firstMessage"].startswith("Thank you")
    assert audited("deployment.resource_gone")


def test_a_change_that_vapi_keeps_as_a_draft_is_said_to_be(live):
    """Given a Vapi that does not publish updates, then the deployment's events say so; once
    published and redeployed, callers get the update.
    """
    live.vapi.books.habits.patch_publishes = False
    live.configures(businessName="Hill Dental")
    assert live.deploys().status == "live"
    assert [message for message in live.told() if "as a draft" in message]
    assert answering(live.vapi, live.line.e164)["firstMessage"].startswith(
        "Thank you for calling Harbor Dental."
    )
    for name in ("receptionist", "payments"):
        edit(live.vapi, live.made(name).provider_id, {}, publish=True)
    assert live.deploys().status == "live"
    assert answering(live.vapi, live.line.e164)["firstMessage"].startswith(
        "Thank you for calling Hill Dental."
    )


# ------------------------------------------------------------------------ what goes wrong


@pytest.mark.one_database
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["timeout_after", "error_500"])
def test_whatever_is_lost_on_the_way_there_is_one_of_each(deploying, kind, fault):
    """Given a request that fails before or after the object is created, then it is found or created
    once.
    """
    deploying.uploads()
    deploying.fault(fault, "POST", f"/{kind}", seconds=2)
    assert deploying.deploys().status == "live"
    assert deploying.counts() == ONE_OF_EACH
    assert len({row.request["tag"] for row in deploying.effects("assistant_create")}) == 2


@pytest.mark.one_database
@pytest.mark.parametrize(
    "fault", ["refuse", "refuse_after", "error_500_after", "bad_gateway", "rate_limit_429"]
)
def test_whatever_goes_wrong_there_are_two_assistants(deploying, fault):
    deploying.fault(fault, "POST", "/assistant", times=2)
    assert deploying.deploys().status == "live"
    assert deploying.counts()["assistant"] == 2


def test_being_told_later_again_and_again_is_no_doubt(deploying):
    """Given more 429s than an effect has keys, then it goes on once Vapi accepts it, under its
    first key.
    """
    deploying.fault("rate_limit_429", "POST", "/assistant", times=5)
    assert deploying.deploys().status == "live"
    assert [row.generation for row in deploying.effects("assistant_create")] == [1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_undoes_everything_in_reverse(deploying, kind):
    """Given a refusal of Vapi's at any step, then nothing is left there, and the number is
    released.
    """
    deploying.uploads()
    deploying.fault("refused_400", "POST", f"/{kind}")
    assert deploying.deploys().status == "rolled_back"
    assert deploying.counts() == NOTHING
    assert numbers_at_twilio(deploying) == []
    assert not Resource.has("account_id = ? AND state = 'made'", deploying.account.id)
    assert "HTTP 400" in deploying.newest.error


def test_what_was_kept_goes_on_where_it_failed(deploying):
    """Given a refusal and kept progress, then a retry repeats only the refused step."""
    deploying.fault("refused_400", "POST", "/squad")
    assert deploying.deploys(on_failure="keep").status == "failed"
    assert deploying.counts() == ONE_OF_EACH | {"tool": 0, "squad": 0, "phone-number": 0}
    assert deploying.retries().status == "live"
    assert len(deploying.requests("POST", "assistant")) == 2
    assert [row.state for row in deploying.effects("squad_create")] == ["refused", "confirmed"]


def test_rolling_a_redeployment_back_leaves_what_was_live(deploying):
    """Given a live receptionist, when a redeployment with files fails at the squad, then callers
    still get the old version.
    """
    assert deploying.deploys().status == "live"
    deploying.uploads()
    deploying.fault("refused_400", "PATCH", "/squad/*")
    assert deploying.deploys().status in {"rolled_back", "failed"}
    assert deploying.counts() == ONE_OF_EACH
    assert answering(deploying.vapi, deploying.line.e164)["latestVersion"] == "v1"
    assert deploying.deploys().status == "live"
    assert answering(deploying.vapi, deploying.line.e164)["latestVersion"] == "v2"
    assert deploying.counts() == ONE_OF_EACH


def test_a_redeployment_that_fails_early_leaves_its_tool_to_the_next_one(deploying):
    """Given a redeployment with a new tool that fails at the assistants, then what was live stays,
    without the tool, and the next deployment uses that one instead of creating another.
    """
    assert deploying.deploys().status == "live"
    before = answering(deploying.vapi, deploying.line.e164)
    deploying.uploads()
    deploying.fault("refused_400", "PATCH", "/assistant/*")
    assert deploying.deploys().status in {"rolled_back", "failed"}
    assert deploying.counts() == ONE_OF_EACH
    assert answering(deploying.vapi, deploying.line.e164) == before
    assert before["model"].get("toolIds", []) == []
    (tool,) = deploying.at_vapi("tool")
    assert deploying.deploys().status == "live"
    assert len(deploying.requests("POST", "tool")) == 1
    assert answering(deploying.vapi, deploying.line.e164)["model"]["toolIds"] == [tool["id"]]


# -------------------------------------------------------------------------------- the number


def test_it_is_live_once_the_number_is_active(deploying):
    """Given a number that is slow to become active, then the deployment waits for it."""
    deploying.vapi.books.habits.active_after = 3600
    deploying.asks()
    deploying.works(rounds=15)
    assert (deploying.newest.status, deploying.step("activation").state) == ("running", "running")
    assert "Waiting until the phone number is active..." in deploying.told()
    with deploying.vapi.shared.lock:
        deploying.vapi.shared.moved_by += 3601
    deploying.works()
    assert deploying.newest.status == "live"


def test_a_number_that_never_becomes_active_is_not_waited_for_for_ever(deploying):
    deploying.vapi.books.habits.active_after = 10**8
    deploying.asks()
    deploying.works(rounds=15)
    deploying.has_waited("activation", seconds=901)
    deploying.works()
    assert deploying.newest.status == "rolled_back"
    assert deploying.newest.error_code == "number_not_active"
    assert deploying.counts() == NOTHING


@pytest.mark.parametrize(
    ("field", "taken"), [("sms_url", "https://api.vapi.ai/twilio/sms"), ("sms_fallback_url", "")]
)
def test_texts_that_were_taken_are_put_right(deploying, field, taken):
    """Given a number whose texts go elsewhere, or that has no fallback URL, when it is imported,
    then both URLs are ours again.
    """
    deploying.asks()
    deploying.works_until("number")
    (number,) = numbers_at_twilio(deploying)
    number[field] = taken
    deploying.works()
    assert deploying.newest.status == "live"
    (number,) = numbers_at_twilio(deploying)
    assert (number["sms_url"], number["sms_fallback_url"]) == (text_webhook(), text_webhook())


def test_texts_that_are_taken_later_stop_the_deployment_loudly(deploying):
    """Given texts that go elsewhere once the number is imported, then the deployment rolls back
    with that error.
    """
    deploying.vapi.books.habits.active_after = 3600
    deploying.asks()
    deploying.works(rounds=15)
    (number,) = numbers_at_twilio(deploying)
    number["sms_url"] = "https://elsewhere.example"
    deploying.works()
    assert deploying.newest.status == "rolled_back"
    assert deploying.newest.error == activation.ELSEWHERE.format(url=text_webhook())


@pytest.mark.parametrize(
    "fault",
    [
        ("error_500_after", "POST", "/phone-number", "vapi"),
        ("refuse", "GET", "*/IncomingPhoneNumbers/*.json", "twilio"),
    ],
    ids=["its answer", "the look at its texts"],
)
def test_a_lost_import_is_found_and_its_texts_are_looked_at(deploying, fault):
    """Given a number whose texts go elsewhere, and an import whose answer is lost, or after which
    the number cannot be read at Twilio, then it is not repeated, and the texts come to us again.
    """
    deploying.asks()
    deploying.works_until("number")
    (number,) = numbers_at_twilio(deploying)
    number["sms_url"] = "https://api.vapi.ai/twilio/sms"
    deploying.fault(*fault)
    deploying.works()
    assert deploying.newest.status == "live"
    assert len(deploying.requests("POST", "phone-number")) == 1
    assert [row.state for row in deploying.effects("number_import")] == ["confirmed"]
    (number,) = numbers_at_twilio(deploying)
    assert number["sms_url"] == text_webhook()


# ------------------------------------------------------------------------------- taking down


def test_taking_down_goes_from_the_number_to_the_tool(live):
    """Given a live receptionist, when it is taken down, then everything is deleted, in this one
    order.
    """
    assert live.takes_down().status == "taken_down"
    assert live.counts() == NOTHING
    assert numbers_at_twilio(live) == []
    rows = live.stand_in.sandbox.shared.requests.select({"provider": "vapi", "method": "DELETE"})
    gone = [row["path"].split("/")[1] for row in rows]
    assert gone == ["phone-number", "squad", "assistant", "assistant", "tool"]
    assert all(row["status"] == 200 for row in rows)


def test_taking_down_after_a_redeployment_takes_everything(live):
    """Given objects of an earlier deployment that the last one only skipped, then taking down
    deletes them too.
    """
    assert live.deploys().status == "live"
    assert live.takes_down().status == "taken_down"
    assert live.counts() == NOTHING


def test_what_is_gone_already_is_taken_down(live):
    with live.vapi.shared.lock:
        for kind in KINDS:
            for row in list(live.vapi.books.each(kind)):
                live.vapi.books.drop(kind, row["id"])
    assert live.takes_down().status == "taken_down"
    assert not Resource.has("account_id = ? AND state = 'made'", live.account.id)


def test_a_dependant_that_is_left_is_waited_for(live):
    """Given a squad made by hand that uses our receptionist, then taking down waits, and goes on
    once that squad is deleted.
    """
    with live.vapi.shared.lock:
        members = [{"assistantId": live.made("receptionist").provider_id}]
        other = live.vapi.books.keep("squad", {"name": "by hand", "members": members})
    live.takes_down(rounds=8)
    assert live.newest.status == "rolling_back"
    assert live.step("receptionist").state == "undoing"
    with live.vapi.shared.lock:
        live.vapi.books.drop("squad", other["id"])
    live.works()
    assert live.newest.status == "taken_down"
    assert live.counts() == NOTHING
