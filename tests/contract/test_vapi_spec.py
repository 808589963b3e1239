"""Every request of ours to Vapi, and every answer of the stand-in's, has the shape that Vapi
publishes.

The published file (`vapi_openapi.json`, https://api.vapi.ai/api-json) is not part of the
repository; PAYPHONE_SPECS names its folder. Without it the tests that compare with it are skipped,
with the reason.
"""

import json
from email import message_from_bytes

import httpx
import pytest

from providers.vapi import (
    assistants,
    calls,
    chat,
    client,
    credentials,
    files,
    phone_numbers,
    squads,
    tools,
)
from rules.calling.outbound import render_call
from rules.deployment.payments_member import render_payments
from rules.deployment.query_tool import render_query_tool
from rules.deployment.receptionist import render_receptionist, render_trial
from rules.deployment.rendering import Clinic, File
from rules.deployment.sip import trunk_at_vapi
from rules.deployment.squad import Member
from runtime.clock import real_now
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.vapi.in_process import InProcess
from sandbox.vapi.operations import OPERATIONS
from sandbox.vapi.shapes import DOCUMENTED, SHAPES
from tests.stand_ins.vapi_shapes import FILE, FOLDER, NAMES, SPEC, compact, spec, strict, written
from tests.stories.voice import (
    HOOK,
    SECRET,
    a_file,
    a_query_tool,
    assistant_body,
    imported,
    query_tool_body,
)

needs_spec = pytest.mark.skipif(
    not FOLDER or not SPEC.exists(),
    reason="PAYPHONE_SPECS names no folder with vapi_openapi.json",
)
# fields of a chat for which Vapi's own examples differ from its spec
WRITTEN_OTHERWISE = ("messages",)


class Spy(httpx.BaseTransport):
    """Passes requests to the stand-in, and keeps each with its answer."""

    def __init__(self, vapi):
        self.inner, self.seen = InProcess(vapi), []

    def handle_request(self, request):
        answer = self.inner.handle_request(request)
        self.seen.append((request, answer))
        return answer


@pytest.fixture
def spy(voice, monkeypatch):
    watching = Spy(voice)
    monkeypatch.setattr(client.client(), "_transport", watching)
    monkeypatch.setattr(client.client(), "_mounts", {})
    return watching


@pytest.fixture(scope="module")
def published():
    document = spec()
    for name, fields in DOCUMENTED.items():
        more = {
            key: {"$ref": f"#/components/schemas/{kind['ref']}"} for key, kind in fields.items()
        }
        document["components"]["schemas"][name]["properties"] |= more
        answered = name.replace("Create", "").replace("Update", "").replace("DTO", "")
        document["components"]["schemas"][answered]["properties"] |= more
    assert "/credential" not in document["paths"], "compare with what is published by now"
    document["paths"] |= credential_paths(document)
    return document


def credential_paths(document):
    """Return paths for credentials, made from those of squads, because Vapi's file has the shapes
    of credentials but not their paths.
    """
    paths = {each: document["paths"][each] for each in ("/squad", "/squad/{id}")}
    text = json.dumps(paths).replace("SquadDTO", "ByoSipTrunkCredentialDTO")
    text = text.replace('/schemas/Squad"', '/schemas/ByoSipTrunkCredential"')
    return json.loads(text.replace('"/squad', '"/credential'))


def everything_we_ask():
    """Call each function of ours that talks to Vapi at least once."""
    since = real_now()
    file = a_file()
    files.get_file(file["id"])
    files.find_file("file-1")
    tool = a_query_tool(file["id"])
    tools.get_tool(tool["id"])
    tools.find_tool("tool-1", since)
    tools.update_tool(tool["id"], query_tool_body(file["id"]))
    body = assistant_body(tool["id"])
    assistant = assistants.create_assistant(body, "assistant-1")
    assistants.get_assistant(assistant["id"])
    assistants.find_assistant("assistant-1", since)
    assistants.update_assistant(assistant["id"], body | {"firstMessage": "Hi"}, "assistant-1")
    member = {"assistantId": assistant["id"], "assistantVersion": assistant["latestVersion"]}
    squad = squads.create_squad([member], "squad-1")
    squads.get_squad(squad["id"])
    squads.find_squad("squad-1", since)
    squads.update_squad(squad["id"], [member], "squad-1")
    number = imported(squad["id"])
    phone_numbers.get_number(number["id"])
    phone_numbers.find_number("number-1", since)
    login = {"account_sid": MAGIC_ACCOUNT, "auth_token": MAGIC_TOKEN}
    phone_numbers.update_number(number["id"], squad_id=squad["id"], **login)
    known = credentials.create_credential(trunk_at_vapi(), "trunk-1")
    credentials.get_credential(known["id"])
    credentials.find_credential("trunk-1", since)
    credentials.update_credential(known["id"], trunk_at_vapi(), "trunk-1")
    own = {"number": "+12125550123", "credentialId": known["id"], "squadId": squad["id"]}
    brought = phone_numbers.create_byo_number(own, "number-2")
    phone_numbers.update_byo_number(brought["id"], own | {"number": "+12125550124"})
    phone_numbers.delete_number(brought["id"])
    credentials.delete_credential(known["id"])
    first = chat.create_chat(body, "Hello")
    chat.create_chat(body, "Hello again", first.id)
    placed = calls.create_call(
        render_call(
            call_id="call_1",
            phone_number_id=number["id"],
            to="+12025550123",
            payments=Member(assistant["id"], "payments", "v1"),
            receptionist=Member(assistant["id"], "receptionist"),
        ),
        "eff_1",
    )
    calls.get_call(placed.id)
    calls.find_call("eff_1", since, real_now())
    phone_numbers.delete_number(number["id"])
    squads.delete_squad(squad["id"])
    assistants.delete_assistant(assistant["id"])
    tools.delete_tool(tool["id"])
    files.delete_file(file["id"])


def template(request):
    """Return the path as the specification writes it."""
    kind, *named = request.url.path.strip("/").split("/")
    return f"/{kind}/{{id}}" if named else f"/{kind}"


def operation_of(request, published):
    return published["paths"][template(request)][request.method.lower()]


@needs_spec
def test_the_stand_ins_shapes_agree_with_the_published_spec():
    assert compact(spec(), NAMES) == SHAPES
    assert FILE.read_text("utf-8") == written(SHAPES)


@needs_spec
def test_only_fields_missing_from_the_published_shapes_are_added():
    schemas = spec()["components"]["schemas"]
    for name, fields in DOCUMENTED.items():
        assert not set(fields) & set(schemas[name]["properties"]), name


@needs_spec
def test_every_operation_of_the_stand_in_exists_at_vapi(published):
    for method, kind, named in OPERATIONS:
        address = f"/{kind}/{{id}}" if named else f"/{kind}"
        assert method.lower() in published["paths"][address], address


def test_our_functions_use_the_stand_ins_operations_and_no_others(spy):
    """Our functions use every operation of the stand-in except reading a chat, so the tests below
    compare all of them; and they use no others.
    """
    everything_we_ask()
    asked = {(request.method, template(request)) for request, _ in spy.seen}
    taken = {
        (method, f"/{kind}/{{id}}" if named else f"/{kind}") for method, kind, named in OPERATIONS
    }
    assert taken - asked == {("GET", "/chat/{id}")}
    assert asked <= taken
    assert {answer.status_code for _, answer in spy.seen} == {200, 201}


@needs_spec
def test_every_request_has_the_published_shape(spy, published):
    everything_we_ask()
    for request, _ in spy.seen:
        where = f"{request.method} {template(request)}"
        operation = operation_of(request, published)
        query = {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}
        assert set(request.url.params) <= set(query), where
        assert {name for name, each in query.items() if each["required"]} <= set(request.url.params)
        content = operation.get("requestBody", {}).get("content", {})
        kind = request.headers.get("content-type", "").split(";")[0]
        assert bool(request.content) == bool(content), where
        if content:
            sent = (
                form_of(request) if kind == "multipart/form-data" else json.loads(request.content)
            )
            faults = list(strict(published, content[kind]["schema"]).iter_errors(sent))
            assert not faults, (where, faults[0].message)


def form_of(request):
    """Return a multipart form's fields, parsed with another parser than the stand-in's."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.content).get_payload()
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in parts
    }


@pytest.mark.slow
@needs_spec
def test_every_answer_of_the_stand_in_has_the_published_shape(spy, published):
    everything_we_ask()
    for request, answer in spy.seen:
        where = f"{request.method} {template(request)}"
        answers = operation_of(request, published)["responses"]
        documented = answers["200" if where == "POST /chat" else str(answer.status_code)]
        schema = documented["content"]["application/json"]["schema"]
        shown = answer.json()
        if where == "POST /chat":
            shown = {key: value for key, value in shown.items() if key not in WRITTEN_OTHERWISE}
        faults = list(strict(published, schema).iter_errors(shown))
        assert not faults, (where, faults[0].message)


@needs_spec
@pytest.mark.parametrize("kind", ["assistant", "tool"])
def test_a_refused_delete_has_the_published_shape(spy, published, kind):
    tool = a_query_tool(a_file()["id"])
    assistant = assistants.create_assistant(assistant_body(tool["id"]), "a")
    squads.create_squad([{"assistantId": assistant["id"]}], "s")
    answer = client.client().delete(
        f"/{kind}/{ {'tool': tool, 'assistant': assistant}[kind]['id'] }"
    )
    documented = published["paths"][f"/{kind}/{{id}}"]["delete"]["responses"]["409"]
    schema = documented["content"]["application/json"]["schema"]
    assert answer.status_code == 409
    assert strict(published, schema).is_valid(answer.json())


def test_report_16_no_request_names_a_workflow(spy):
    everything_we_ask()
    assert all(b"workflowId" not in request.content for request, _ in spy.seen)


def test_report_18_every_update_of_an_assistant_contains_the_whole_model(spy):
    everything_we_ask()
    changes = [
        json.loads(request.content)
        for request, _ in spy.seen
        if request.method == "PATCH" and request.url.path.startswith("/assistant/")
    ]
    assert changes
    for change in changes:
        assert {"provider", "model", "messages", "toolIds"} <= set(change["model"])


def test_an_import_or_update_always_disables_vapis_sms(spy):
    """Neither an import nor an update leaves `smsEnabled` to Vapi's default, which is on."""
    everything_we_ask()
    sent = [
        json.loads(request.content)
        for request, _ in spy.seen
        if request.url.path.startswith("/phone-number") and request.content
    ]
    twilios = [body for body in sent if body["provider"] == "twilio"]
    assert [body["smsEnabled"] for body in twilios] == [False, False]


def test_our_secret_is_sent_with_every_server_of_ours(spy, voice):
    everything_we_ask()
    servers = [
        json.loads(request.content).get("server")
        for request, _ in spy.seen
        if request.content.startswith(b"{")
    ]
    ours = [server for server in servers if server]
    assert {server["url"] for server in ours} == {HOOK}
    assert all(server["headers"] == {"X-Vapi-Secret": SECRET} for server in ours)


def test_the_stand_in_accepts_the_rendered_voice_agent_of_a_clinic(spy):
    """Given a clinic's whole voice agent as the rules render it, then the stand-in creates its
    assistants, and the trial chat answers.
    """
    file = a_file()
    clinic = Clinic(
        business_name="Harbor Dental",
        clinic_number="+12125550123",
        time_zone="America/New_York",
        public_url="http://payphone",
        files=(File(file["id"], "hours.txt"),),
        transfer_number="+12125550199",
    )
    tool = tools.create_tool(render_query_tool(clinic, "t"))
    members = [
        assistants.create_assistant(render_receptionist(clinic, tool["id"]), "r"),
        assistants.create_assistant(render_payments(clinic), "p"),
    ]
    assert [assistants.version_of(each) for each in members] == ["v1", "v1"]
    assert "Harbor Dental" in chat.create_chat(render_trial(clinic), "When are you open?").text


@needs_spec
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/squad", {"members": [{"assistantId": "a", "pinned": "v1"}]}),
        ("/assistant", {"greeting": "x"}),
        ("/assistant", {"model": {"provider": "openai", "model": "gpt-9000"}}),
        ("/tool", {"type": "query", "name": "x"}),
        ("/phone-number", {"provider": "twilio", "number": "+12025550100"}),
        ("/chat", {"assistant": {}}),
    ],
)
def test_the_comparison_catches_bodies_that_vapi_does_not_publish(published, path, body):
    content = published["paths"][path]["post"]["requestBody"]["content"]
    assert not strict(published, content["application/json"]["schema"]).is_valid(body)
