"""Vapi's stand-in behaves as Vapi does: strict bodies, versions, references between objects, lists
and chats. It runs in process, on the test's clock.
"""

import json
from dataclasses import fields

import httpx
import pytest

from sandbox import Sandbox, state_file
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN, Sender
from sandbox.twilio.control import add_account, add_sender
from sandbox.vapi.books import MAGIC_KEY
from sandbox.vapi.chat import COST
from sandbox.vapi.control import answering, edit
from sandbox.vapi.in_process import InProcess

NUMBER = "+15005550006"
MODEL = {
    "provider": "openai",
    "model": "gpt-4o",
    "messages": [{"role": "system", "content": "Use clinic_knowledge."}],
}
OURS = "http://payphone/api/webhooks/twilio/messages"


class Clock:
    def __init__(self):
        self.time = 1_800_000_000.0

    def __call__(self):
        return self.time


class Org:
    """One organization at Vapi's stand-in, with the requests that tests make to it."""

    def __init__(self):
        self.clock = Clock()
        self.sandbox = Sandbox(clock=self.clock, wall=self.clock, seed=1)
        self.vapi = self.sandbox.vapi
        self.http = self.with_key(MAGIC_KEY)

    def with_key(self, key):
        return httpx.Client(
            base_url="http://vapi",
            transport=InProcess(self.vapi),
            headers={"Authorization": f"Bearer {key}"},
        )

    def ask(self, method, path, status=200, **more):
        answer = self.http.request(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    def make(self, kind, **body):
        return self.ask("POST", f"/{kind}", 201, json=body)

    def refused(self, method, path, status=400, **more):
        """Make a request that is refused, and return the error message."""
        message = self.ask(method, path, status, **more)["message"]
        return message if isinstance(message, str) else "; ".join(message)

    def file(self, content=b"Open 9 to 5.", name="hours.txt", **fields):
        return self.ask(
            "POST", "/file", 201, files={"file": (name, content, "text/plain")}, data=fields
        )

    def tool(self, *files, name="clinic_knowledge"):
        base = {"provider": "google", "name": "kb", "description": "x", "fileIds": list(files)}
        return self.make("tool", type="query", function={"name": name}, knowledgeBases=[base])

    def assistant(self, *tools, **more):
        return self.make("assistant", name="a", model=MODEL | {"toolIds": list(tools)}, **more)

    def squad(self, *members):
        return self.make("squad", name="s", members=list(members))

    def number(self, number=NUMBER, account=MAGIC_ACCOUNT, token=MAGIC_TOKEN, **more):
        twilio = {"twilioAccountSid": account, "twilioAuthToken": token}
        return self.make("phone-number", provider="twilio", number=number, **twilio, **more)

    def trunk(self, address, **more):
        gateway = {"ip": address} | more
        return self.make("credential", provider="byo-sip-trunk", gateways=[gateway])


@pytest.fixture
def org():
    return Org()


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic x", f"bearer{MAGIC_KEY}"])
def test_requests_without_a_valid_private_key_are_refused(org, header):
    headers = {"Authorization": header} if header else {"Authorization": ""}
    answer = org.http.get("/assistant", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/campaign"), ("PUT", "/assistant"), ("POST", "/tool/x"), ("GET", "/")],
)
def test_unsupported_operations_answer_404(org, method, path):
    assert org.ask(method, path, 404)["statusCode"] == 404


# bodies


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("assistant", {"greeting": "x"}, "property greeting should not exist"),
        ("assistant", {"name": "x" * 41}, "name must be shorter than or equal to 40 characters"),
        ("assistant", {"name": 5}, "name must be a string"),
        ("assistant", {"model": MODEL | {"prompt": "x"}}, "model.property prompt should not exist"),
        ("assistant", {"model": {"provider": "openai"}}, "model.model should not be empty"),
        ("assistant", {"model": MODEL | {"model": "gpt-9000"}}, "model.model must be one of"),
        ("assistant", {"model": {"provider": "acme"}}, "model is of no kind that is known"),
        ("assistant", {"model": MODEL | {"temperature": 3}}, "temperature must not be greater"),
        ("assistant", {"model": MODEL | {"toolIds": ["t"]}}, "tools not found: t"),
        ("assistant", {"server": {"url": 5}}, "server.url must be a string"),
        ("assistant", {"server": {"secret": "x"}}, "server.property secret should not exist"),
        ("assistant", {"maxDurationSeconds": 5}, "maxDurationSeconds must not be less than 10"),
        ("assistant", {"firstMessage": True}, "firstMessage must be a string"),
        ("tool", {"type": "magic"}, "type must be one of"),
        ("tool", {"type": "query", "knowledgeBases": [{}]}, "knowledgeBases.0.fileIds should not"),
        ("tool", {"type": "query", "name": "x"}, "property name should not exist"),
        ("tool", {"type": "function", "function": {"name": "no spaces"}}, "regular expression"),
        ("tool", {"type": "function", "function": {}}, "function.name should not be empty"),
        ("squad", {}, "members should not be empty"),
        ("squad", {"members": []}, "members should not be empty"),
        ("squad", {"members": [{}]}, "needs one of assistantId, assistant"),
        ("squad", {"members": [{"assistantId": "a"}]}, "assistant a  not found"),
        ("squad", {"members": [{"assistant": {}, "assistantVersion": "v1"}]}, "needs an assistant"),
        ("phone-number", {"provider": "vapi"}, "provider must be one of"),
        ("phone-number", {"provider": "twilio"}, "number should not be empty"),
        ("chat", {}, "input should not be empty"),
        ("chat", {"input": "x"}, "at least one of assistant"),
        ("chat", {"input": "x", "previousChatId": "c"}, "previousChatId c not found"),
    ],
)
def test_a_body_that_vapi_would_refuse_is_refused_with_the_reason(org, kind, body, said):
    assert said in org.refused("POST", f"/{kind}", json=body)
    assert not list(org.vapi.books.each(kind))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("assistant", {"workflowId": "w"}),
        (
            "phone-number",
            {
                "provider": "twilio",
                "number": NUMBER,
                "twilioAccountSid": MAGIC_ACCOUNT,
                "twilioAuthToken": MAGIC_TOKEN,
                "workflowId": "w",
            },
        ),
    ],
)
def test_report_16_workflows_are_refused(org, kind, body):
    """Given a `workflowId`, which Vapi's published spec still has, then nothing is created."""
    assert "Workflows are no longer supported" in org.refused("POST", f"/{kind}", json=body)
    assert not list(org.vapi.books.each(kind))


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b""])
def test_a_body_that_is_no_json_object_is_refused(org, body):
    headers = {"Content-Type": "application/json"}
    answer = org.http.post("/squad", content=body, headers=headers)
    assert answer.status_code == 400


# files


def test_an_uploaded_file_is_processing_until_it_has_been_read(org):
    """Given an uploaded file, then it is `processing` until Vapi has read it."""
    org.vapi.books.habits.read_after = 60
    tags = json.dumps({"attempt_id": "t"})
    made = org.file(b"line\r\n\r\nline\x00\xff", metadata=tags, purpose="assistant")
    assert (made["status"], made["bytes"], made["name"]) == ("processing", 14, "hours.txt")
    assert (made["metadata"], made["mimetype"]) == ({"attempt_id": "t"}, "text/plain")
    org.clock.time += 59
    assert org.ask("GET", f"/file/{made['id']}")["status"] == "processing"
    org.clock.time += 1
    assert org.ask("GET", f"/file/{made['id']}")["status"] == "done"
    assert [row["id"] for row in org.ask("GET", "/file?purpose=assistant")] == [made["id"]]
    assert org.ask("GET", "/file?purpose=knowledge-base-v2") == []
    assert "purpose" in org.refused("GET", "/file")


@pytest.mark.parametrize("given", [{"name": "unreadable.pdf"}, {"content": b"%PDF UNREADABLE"}])
def test_an_unreadable_file_fails(org, given):
    made = org.file(**given)
    assert org.ask("GET", f"/file/{made['id']}")["status"] == "failed"


def test_an_invalid_upload_is_refused(org):
    assert org.refused("POST", "/file", files={"file": ("a.txt", b"", "text/plain")})
    assert org.refused("POST", "/file", files={"other": ("a.txt", b"x", "text/plain")})
    assert org.refused("POST", "/file", files={"file": (None, b"x")})
    words = {"purpose": "fun", "metadata": "{}"}
    file = {"file": ("a.txt", b"x", "text/plain")}
    assert "purpose must be one of" in org.refused("POST", "/file", files=file, data=words)
    assert "metadata" in org.refused("POST", "/file", files=file, data={"metadata": "[]"})
    assert org.ask("GET", "/file?purpose=assistant") == []


# references between objects


def test_report_17_an_object_cannot_be_deleted_while_another_refers_to_it(org):
    """Given a complete voice agent, then deleting a part answers 409 while another part refers to
    it, so the order is number, squad, assistant, tool, file.
    """
    file = org.file()
    tool = org.tool(file["id"])
    assistant = org.assistant(tool["id"])
    squad = org.squad({"assistantId": assistant["id"], "assistantVersion": "v1"})
    number = org.number(squadId=squad["id"], smsEnabled=False)
    parts = [("file", file), ("tool", tool), ("assistant", assistant), ("squad", squad)]
    for kind, part in parts:
        assert org.http.delete(f"/{kind}/{part['id']}").status_code == 409, kind
    body = org.ask("DELETE", f"/assistant/{assistant['id']}", 409)
    assert (set(body), body["error"]) == ({"error", "message"}, "assistant_pinned")
    assert org.ask("DELETE", f"/tool/{tool['id']}", 409)["error"] == "tool_pinned"
    for kind, part in [("phone-number", number), *parts[::-1]]:
        assert org.ask("DELETE", f"/{kind}/{part['id']}")["id"] == part["id"]
        assert org.http.delete(f"/{kind}/{part['id']}").status_code == 404


def test_an_assistant_cannot_be_deleted_while_a_number_refers_to_it(org):
    assistant = org.assistant()
    org.number(assistantId=assistant["id"])
    assert org.ask("DELETE", f"/assistant/{assistant['id']}", 409)["error"] == "assistant_pinned"


@pytest.mark.parametrize(
    "gateways", [["pstn.twilio.com"], ["54.172.60.0", "pstn.twilio.com"], [""]]
)
def test_report_13_an_inbound_gateway_must_be_an_ip_address(org, gateways):
    """Given a SIP trunk with a host name among its inbound gateways, then creating or updating it
    is refused; an outbound-only trunk can have a host name.
    """
    good = org.trunk("54.172.60.0")
    rows = [{"ip": each} for each in gateways]
    trunk = {"provider": "byo-sip-trunk", "gateways": rows}
    assert "Couldn't validate SIP trunk" in org.refused("POST", "/credential", json=trunk)
    path = f"/credential/{good['id']}"
    assert "Couldn't validate SIP trunk" in org.refused("PATCH", path, json=trunk)
    assert org.ask("GET", path)["gateways"] == good["gateways"]
    org.trunk("pstn.twilio.com", inboundEnabled=False)


def test_a_trunk_cannot_be_deleted_while_a_number_uses_it(org):
    trunk = org.trunk("54.172.60.0")
    asked = {"provider": "byo-phone-number", "number": NUMBER, "credentialId": trunk["id"]}
    number = org.make("phone-number", **asked)
    org.ask("DELETE", f"/credential/{trunk['id']}", 409)
    org.ask("DELETE", f"/phone-number/{number['id']}")
    org.ask("DELETE", f"/credential/{trunk['id']}")
    org.ask("GET", f"/credential/{trunk['id']}", 404)


# versions


def test_report_18_an_update_replaces_the_whole_model(org):
    """Given an assistant with a tool, when its model is updated without naming the tool, then it
    loses the tool; fields outside the model stay.
    """
    tool = org.tool(org.file()["id"])
    made = org.assistant(tool["id"], firstMessage="Hello")
    changed = org.ask("PATCH", f"/assistant/{made['id']}", json={"model": MODEL})
    assert "toolIds" not in changed["model"]
    assert changed["firstMessage"] == "Hello"


def test_report_17_a_pinned_member_answers_with_its_pinned_version(org):
    """Given a squad that pins `v1`, when the assistant is updated, then calls still get `v1`; a
    member without a pin follows the latest version.
    """
    made = org.assistant(firstMessage="one")
    pinned = org.squad({"assistantId": made["id"], "assistantVersion": made["latestVersion"]})
    org.number(squadId=pinned["id"])
    changed = org.ask("PATCH", f"/assistant/{made['id']}", json={"firstMessage": "two"})
    assert (made["latestVersion"], changed["latestVersion"]) == ("v1", "v2")
    assert answering(org.vapi, NUMBER)["firstMessage"] == "one"
    latest = {"members": [{"assistantId": made["id"]}]}
    org.ask("PATCH", f"/squad/{pinned['id']}", json=latest)
    assert answering(org.vapi, NUMBER)["firstMessage"] == "two"
    gone = {"members": [{"assistantId": made["id"], "assistantVersion": "v3"}]}
    assert "v3 not found" in org.refused("PATCH", f"/squad/{pinned['id']}", json=gone)


@pytest.mark.parametrize("publish", [True, False])
def test_report_17_an_edit_in_the_dashboard_takes_effect_once_published(org, publish):
    """Given an edit in the dashboard, then the API shows it at once, but calls get it only if it is
    published.
    """
    made = org.assistant(firstMessage="one")
    org.number(assistantId=made["id"])
    edit(org.vapi, made["id"], {"firstMessage": "by hand"}, publish=publish)
    shown = org.ask("GET", f"/assistant/{made['id']}")
    assert shown["firstMessage"] == "by hand"
    assert shown["latestVersion"] == ("v2" if publish else "v1")
    heard = "by hand" if publish else "one"
    assert answering(org.vapi, NUMBER)["firstMessage"] == heard


def test_publishing_of_api_updates_can_be_switched_off(org):
    """Vapi does not document whether a PATCH publishes at once, so a test can choose."""
    org.vapi.books.habits.update({"patch_publishes": False})
    made = org.assistant(firstMessage="one")
    org.number(assistantId=made["id"])
    changed = org.ask("PATCH", f"/assistant/{made['id']}", json={"firstMessage": "two"})
    assert changed["latestVersion"] == "v1"
    assert answering(org.vapi, NUMBER)["firstMessage"] == "one"
    with pytest.raises(ValueError, match="unknown habit"):
        org.vapi.books.habits.update({"patches": True})


def test_report_39_two_tools_of_one_name_are_refused(org):
    first, second = org.tool(), org.tool()
    said = org.refused(
        "POST", "/assistant", json={"model": MODEL | {"toolIds": [first["id"], second["id"]]}}
    )
    assert "more than one tool is called clinic_knowledge" in said


# numbers


def test_report_20_a_new_number_is_not_answered_before_it_is_active(org):
    org.vapi.books.habits.active_after = 180
    assistant = org.assistant()
    number = org.number(assistantId=assistant["id"])
    assert number["status"] == "activating"
    org.clock.time += 179
    assert answering(org.vapi, NUMBER) is None
    org.clock.time += 1
    assert org.ask("GET", f"/phone-number/{number['id']}")["status"] == "active"
    assert answering(org.vapi, NUMBER)["id"] == assistant["id"]


@pytest.mark.parametrize(
    ("asked", "kept"), [({}, False), ({"smsEnabled": True}, False), ({"smsEnabled": False}, True)]
)
def test_an_import_redirects_a_numbers_texts_unless_sms_is_disabled(org, asked, kept):
    """Given a number whose texts come to us, then an import by Vapi's default redirects them to
    Vapi, STOP included, and so does an update that does not repeat `smsEnabled: false`.
    """
    add_sender(org.sandbox.twilio, Sender(NUMBER, "", OURS))
    number = org.number(**asked)
    texts_of = org.sandbox.twilio.books.sender(number=NUMBER)
    assert (texts_of.sms_url == OURS) == kept
    org.ask("PATCH", f"/phone-number/{number['id']}", json={"name": "x"})
    assert org.sandbox.twilio.books.sender(number=NUMBER).sms_url != OURS


def test_a_bought_number_is_pointed_at_vapi(org):
    """Given a bought number, then an import without texts sets its voice URL and leaves its SMS
    URL.
    """
    bought = a_bought_number(org, sms_url=OURS)
    org.number(bought["phone_number"], smsEnabled=False)
    assert "vapi" in bought["voice_url"]
    assert bought["sms_url"] == OURS


def test_a_number_can_be_imported_only_by_the_account_that_owns_it(org):
    other = f"AC{'1' * 32}"
    add_account(org.sandbox.twilio, other, "other-token")
    bought = a_bought_number(org)["phone_number"]
    for number, account, token in [
        ("+12025550199", MAGIC_ACCOUNT, MAGIC_TOKEN),
        (bought, other, "other-token"),
        (bought, MAGIC_ACCOUNT, "wrong"),
        (bought, MAGIC_ACCOUNT, None),
    ]:
        body = {
            "provider": "twilio",
            "number": number,
            "twilioAccountSid": account,
            "twilioAuthToken": token,
        }
        assert "was not found in Twilio account" in org.refused("POST", "/phone-number", json=body)
    org.number(bought)
    again = {
        "provider": "twilio",
        "number": bought,
        "twilioAccountSid": MAGIC_ACCOUNT,
        "twilioAuthToken": MAGIC_TOKEN,
    }
    assert "Existing Phone Number" in org.refused("POST", "/phone-number", json=again)
    assert len(org.ask("GET", "/phone-number")) == 1


def a_bought_number(org, **more):
    """A number of the default account, in the state in which a purchase at Twilio leaves it."""
    row = {"account_sid": MAGIC_ACCOUNT, "phone_number": "+12025550188", "voice_url": "", **more}
    org.sandbox.twilio.books.incoming = {"PN1": row}
    return row


def test_a_number_has_either_an_assistant_or_a_squad(org):
    assistant = org.assistant()
    squad = org.squad({"assistantId": assistant["id"]})
    number = org.number(squadId=squad["id"])
    said = org.refused(
        "PATCH", f"/phone-number/{number['id']}", json={"assistantId": assistant["id"]}
    )
    assert "only one of assistantId, squadId" in said
    gone = {"squadId": "s"}
    assert "squad s not found" in org.refused("PATCH", f"/phone-number/{number['id']}", json=gone)


# lists


def test_a_list_is_newest_first_and_filtered_by_time(org):
    made = [org.squad({"assistant": {}})["id"] for _ in range(5)]
    rows = org.ask("GET", "/squad")
    assert [row["id"] for row in rows] == made[::-1]
    middle = rows[2]["createdAt"]
    bounds = {"Gt": made[3:], "Ge": made[2:], "Lt": made[:2], "Le": made[:3]}
    for bound, expected in bounds.items():
        found = org.ask("GET", "/squad", params={f"createdAt{bound}": middle})
        assert [row["id"] for row in found] == expected[::-1], bound
    assert [row["id"] for row in org.ask("GET", "/squad?limit=2")] == made[:2:-1]
    org.ask("PATCH", f"/squad/{made[0]}", json={"members": [{"assistant": {}}]})
    newer = org.ask("GET", "/squad", params={"updatedAtGt": rows[0]["updatedAt"]})
    assert [row["id"] for row in newer] == made[:1]


@pytest.mark.parametrize(
    "query", ["limit=1001", "limit=x", "createdAtGe=yesterday", "name=x", "createdAtGe=2026-11-01"]
)
def test_an_invalid_list_query_is_refused(org, query):
    assert org.refused("GET", f"/squad?{query}")


def test_a_list_has_100_rows_by_default(org):
    for _ in range(101):
        org.vapi.books.keep("squad", {"members": []})
    assert len(org.ask("GET", "/squad")) == 100
    assert len(org.ask("GET", "/squad?limit=1000")) == 101


# chat and bills


def test_a_chat_quotes_the_assistant_and_the_users_words(org):
    """Given an assistant in the chat's own body, then it greets once, the next chat continues the
    conversation, and no assistant is created.
    """
    body = {"name": "Harbor", "firstMessage": "Harbor Dental, hello!", "model": MODEL}
    first = org.make("chat", assistant=body, input="When are you open?")
    said = "Harbor Dental, hello! You said “When are you open?”. (Harbor, turn 1)"
    assert first["output"] == [{"role": "assistant", "content": said}]
    second = org.make("chat", assistant=body, input="And Sunday?", previousChatId=first["id"])
    assert second["output"][0]["content"] == "You said “And Sunday?”. (Harbor, turn 2)"
    assert [each["role"] for each in second["messages"]] == ["user", "assistant", "user"]
    assert org.ask("GET", f"/chat/{second['id']}") == second
    assert org.ask("GET", "/assistant") == []


def test_only_chats_are_billed(org):
    """Given objects of every other kind, then Vapi bills the chats only."""
    tool = org.tool(org.file()["id"])
    assistant = org.assistant(tool["id"])
    org.number(squadId=org.squad({"assistantId": assistant["id"]})["id"])
    assert org.vapi.books.billed() == {"bills": [], "usd": 0}
    chats = [org.make("chat", assistantId=assistant["id"], input="x")["id"] for _ in range(2)]
    billed = org.vapi.books.billed()
    assert [bill["id"] for bill in billed["bills"]] == chats
    assert billed["usd"] == pytest.approx(2 * COST)


# the request log and the state file


def test_the_request_log_contains_no_tokens(org):
    server = {"url": "https://x.example", "headers": {"X-Vapi-Secret": "hush"}}
    org.number(server=server)
    kept = repr(org.sandbox.shared.requests.select({"provider": "vapi"}))
    assert NUMBER in kept
    assert MAGIC_TOKEN not in kept
    assert "hush" not in kept


def test_state_outlives_a_restart(org, tmp_path):
    """Given a number that is activating, when the stand-in restarts, then it becomes active all the
    same.
    """
    org.vapi.books.habits.active_after = 60
    assistant = org.assistant()
    org.ask("PATCH", f"/assistant/{assistant['id']}", json={"firstMessage": "two"})
    org.number(assistantId=assistant["id"])
    org.make("chat", assistantId=assistant["id"], input="x")
    org.vapi.books.public_keys.add("another-public-key")
    org.vapi.books.told.append({"call": "call_1", "type": "say"})
    state_file.save(org.sandbox, str(tmp_path / "state.json"))
    again = Org()
    state_file.load(again.sandbox, str(tmp_path / "state.json"))
    for each in fields(org.vapi.books):
        if each.name != "shared":
            assert getattr(again.vapi.books, each.name) == getattr(org.vapi.books, each.name)
    assert answering(again.vapi, NUMBER) is None
    again.clock.time += 60
    assert answering(again.vapi, NUMBER)["latestVersion"] == "v2"
    assert again.vapi.books.billed() == org.vapi.books.billed()
    org.sandbox.reset()
    assert org.ask("GET", "/assistant") == []
