"""Faults at Vapi's stand-in, as our functions meet them over HTTP: the outcome that they report,
and whether the request was performed all the same. Also the stand-in's control API.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from providers.errors import ProviderError
from providers.vapi import assistants, client, files, phone_numbers, squads
from runtime.settings import get_settings
from sandbox.vapi.books import MAGIC_KEY
from tests.stories.voice import NUMBER, SECRET, VAPI, a_file, assistant_body, deployed, imported

ROOT = Path(__file__).parents[3]
ASKED = [{"assistant": {}}]


def told(call, *arguments):
    with pytest.raises(ProviderError) as raised:
        call(*arguments)
    return raised.value


@pytest.mark.parametrize(
    ("kind", "outcome", "code", "done"),
    [
        ("timeout_before", "unknown", "ReadTimeout", 0),
        ("timeout_after", "unknown", "ReadTimeout", 1),
        ("refuse", "unknown", "ReadError", 0),
        ("refuse_after", "unknown", "ReadError", 1),
        ("error_500", "unknown", "http_500", 0),
        ("error_500_stored", "unknown", "http_500", 0),
        ("error_500_after", "unknown", "http_500", 1),
        ("bad_gateway", "unknown", "http_502", 0),
        ("rate_limit_429", "retry_later", "rate_limit", 0),
        ("forbidden_403", "retry_later", "forbidden", 0),
        ("refused_400", "refused", "http_400", 0),
        ("conflict_409", "refused", "http_409", 0),
    ],
)
def test_after_a_fault_the_created_object_is_found_by_its_tag(
    voice, stand_in, kind, outcome, code, done
):
    """Given a request that failed, then our function reports what is known of the outcome, and a
    search by tag finds the object if it was created.
    """
    stand_in.control("faults", provider="vapi", kind=kind, method="POST", path="/squad")
    error = told(squads.create_squad, ASKED, "squad-1")
    assert (error.outcome, error.code) == (outcome, code)
    stand_in.be_patient()
    found = squads.find_squad("squad-1")
    assert (found is not None) == bool(done)
    logged = stand_in.sandbox.shared.requests.select({"method": "POST", "path": "/squad"})
    assert [(row["fault"], row["performed"]) for row in logged] == [(kind, bool(done))]


def test_a_slow_answer_is_awaited(voice, stand_in):
    waited = []
    voice.pause = waited.append
    stand_in.control("faults", provider="vapi", kind="slow", path="/squad", seconds=5)
    assert squads.create_squad(ASKED, "squad-1")["name"] == "squad-1"
    assert waited == [5]


@pytest.mark.parametrize("kind", ["timeout_after", "refuse_after", "error_500_after"])
def test_an_upload_or_import_with_a_lost_answer_is_found_by_its_tag(voice, stand_in, kind):

    def lost(path, call):
        stand_in.control("faults", provider="vapi", kind=kind, method="POST", path=path)
        assert told(call).outcome == "unknown"
        stand_in.be_patient()

    lost("/file", a_file)
    assert files.find_file("file-1")["status"] == "done"
    lost("/phone-number", imported)
    assert phone_numbers.find_number("number-1")["number"] == NUMBER


def test_a_delete_with_a_lost_answer_succeeds_on_retry(voice, stand_in):
    squad = squads.create_squad(ASKED, "squad-1")
    stand_in.control("faults", provider="vapi", kind="timeout_after", method="DELETE", path="*")
    assert told(squads.delete_squad, squad["id"]).outcome == "unknown"
    stand_in.be_patient()
    assert squads.delete_squad(squad["id"]) is None
    assert squads.find_squad("squad-1") is None


def test_report_17_a_voice_agent_can_be_deleted_only_in_one_order(voice):
    """Given a complete voice agent, when its parts are deleted in the wrong order, then each
    refusal is `dependant_left`; number, squad and assistant can be deleted in this order.
    """
    made = deployed()
    assert told(assistants.delete_assistant, made["assistant"]).code == "dependant_left"
    assert told(squads.delete_squad, made["squad"]).code == "dependant_left"
    assert told(files.delete_file, made["file"]).code == "dependant_left"
    phone_numbers.delete_number(made["number"])
    squads.delete_squad(made["squad"])
    assistants.delete_assistant(made["assistant"])
    assert sum(len(rows) for rows in voice.books.tables.values()) == 2  # tool and file are left


@pytest.mark.parametrize("attempts", [0, 2])
def test_report_20_a_number_is_live_only_once_it_is_active(voice, stand_in, attempts):
    """Given a number that takes minutes to activate, then our functions report it as not active
    until then.
    """
    stand_in.control("vapi/habits", active_after=60 * attempts)
    number = deployed()["number"]
    for _ in range(attempts):
        assert phone_numbers.get_number(number)["status"] != phone_numbers.ACTIVE
        stand_in.control("clock", advance=60)
    assert phone_numbers.get_number(number)["status"] == phone_numbers.ACTIVE


def test_report_17_an_edit_in_the_dashboard_is_detected(voice, stand_in):
    """Given an assistant that staff edit in the dashboard, then it differs from the rendered body
    and has a later version than the pinned one; our next update restores it.
    """
    body = assistant_body()
    made = assistants.create_assistant(body, "assistant-1")
    assert {name: made[name] for name in body} == body
    stand_in.control("vapi/edit", assistant=made["id"], changes={"firstMessage": "by hand"})
    read = assistants.get_assistant(made["id"])
    assert {name for name in body if read[name] != body[name]} == {"firstMessage"}
    assert (assistants.version_of(made), assistants.version_of(read)) == ("v1", "v2")
    again = assistants.update_assistant(made["id"], body, "assistant-1")
    assert {name: again[name] for name in body} == body


def test_a_wrong_api_key_leads_to_retry_later_with_advice(voice, stand_in, monkeypatch):
    monkeypatch.setenv("VAPI_API_KEY", "rolled-since")
    get_settings.cache_clear()
    client.client.cache_clear()
    error = told(squads.create_squad, ASKED, "squad-1")
    assert (error.outcome, error.code) == ("retry_later", "unauthorized")
    assert "VAPI_API_KEY" in error.advice
    stand_in.control("vapi/keys", key="rolled-since")
    assert squads.create_squad(ASKED, "squad-1")


def test_a_refused_connection_leads_to_retry_later_without_doubt(voice, monkeypatch):
    """Given that nothing listens at Vapi's address, then the request cannot have been performed,
    and can be retried later.
    """
    monkeypatch.setenv("VAPI_API_BASE", "http://127.0.0.1:1")
    get_settings.cache_clear()
    client.client.cache_clear()
    error = told(squads.create_squad, ASKED, "squad-1")
    assert (error.outcome, error.code) == ("retry_later", "no_connection")


def test_the_state_page_and_the_control_api_show_all_objects(voice, stand_in):
    made = deployed()
    page = httpx.get(stand_in.url, trust_env=False, verify=False, timeout=120).text
    assert all(made[kind] in page for kind in ("file", "tool", "assistant", "squad", "number"))
    objects = stand_in.shown("vapi/objects")
    assert [row["id"] for row in objects["squad"]] == [made["squad"]]
    answering = stand_in.shown("vapi/answering", number=NUMBER)["assistant"]
    assert answering["id"] == made["assistant"]
    assert stand_in.shown("vapi/ledger") == {"bills": [], "usd": 0}


def test_no_secret_of_ours_is_in_the_log(voice, stand_in, capfd, caplog):
    """Given a whole deployment with everything logged, then no line holds token, key or secret."""
    caplog.set_level("DEBUG")
    deployed()
    stand_in.control("faults", provider="vapi", kind="refused_400", path="/phone-number")
    error = told(imported)
    out, err = capfd.readouterr()
    written = out + err + caplog.text + repr(error)
    assert "/phone-number" in written
    for secret in (MAGIC_KEY, SECRET, "sandbox-token"):
        assert secret not in written


@pytest.mark.slow
def test_the_process_accepts_the_demos_key():
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", "--vapi"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"VAPI_API_KEY": "the-demos-key"},
    )
    try:
        url = process.stdout.readline().split()[-1]
        headers = {"Authorization": "Bearer the-demos-key"}
        answer = httpx.get(f"{url}/squad", headers=headers, trust_env=False, timeout=120)
        assert answer.json() == []
    finally:
        process.terminate()
        assert process.wait(120) == 0
        process.stdout.close()


@pytest.mark.slow
def test_a_child_opens_a_client_of_its_own():
    """Given a process with an open client, when it forks, then the child opens its own."""
    told_by_child = (
        "import os\n"
        "from providers.vapi.client import client\n"
        "before = client()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if client() is not before else 3)\n"
        "os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    command = [sys.executable, "-c", told_by_child]
    subprocess.run(command, cwd=ROOT, env=os.environ | VAPI, timeout=60, check=True)
