"""Every answer from Vapi, and every lack of one, becomes a ProviderError that says what is known of
the outcome and contains no secret.
"""

import json
from datetime import UTC, datetime

import httpx
import pytest

from effects.calling.call import CALL
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.vapi import (
    assistants,
    chat,
    client,
    credentials,
    files,
    lists,
    phone_numbers,
    squads,
    tools,
)
from runtime.errors import Misconfigured
from runtime.settings import get_settings
from sandbox.twilio.account import MAGIC_ACCOUNT
from tests.stories.voice import HOOK, SECRET, VAPI, assistant_body, query_tool_body

KEY = VAPI["VAPI_API_KEY"]
TOKEN = "twilio-auth-token-of-a-clinic"
CALLS = {
    "upload a file": lambda: files.upload_file("a.txt", b"x", "text/plain", {"attempt_id": "a"}),
    "read a file": lambda: files.get_file("f1"),
    "find a file": lambda: files.find_file("a"),
    "make a tool": lambda: tools.create_tool(query_tool_body()),
    "read a tool": lambda: tools.get_tool("t1"),
    "change a tool": lambda: tools.update_tool("t1", {"type": "query"}),
    "find a tool": lambda: tools.find_tool("a"),
    "make an assistant": lambda: assistants.create_assistant(assistant_body(), "a"),
    "read an assistant": lambda: assistants.get_assistant("a1"),
    "change an assistant": lambda: assistants.update_assistant("a1", assistant_body(), "a"),
    "find an assistant": lambda: assistants.find_assistant("a"),
    "make a squad": lambda: squads.create_squad([{"assistantId": "a1"}], "a"),
    "read a squad": lambda: squads.get_squad("s1"),
    "change a squad": lambda: squads.update_squad("s1", [{"assistantId": "a1"}], "a"),
    "find a squad": lambda: squads.find_squad("a"),
    "import a number": lambda: phone_numbers.import_number(
        "+12025550100", account_sid=MAGIC_ACCOUNT, auth_token=TOKEN, tag="a", squad_id="s1"
    ),
    "read a number": lambda: phone_numbers.get_number("n1"),
    "change a number": lambda: phone_numbers.update_number(
        "n1", account_sid=MAGIC_ACCOUNT, auth_token=TOKEN, squad_id="s1"
    ),
    "find a number": lambda: phone_numbers.find_number("a"),
    "make a trunk known": lambda: credentials.create_credential({"gateways": []}, "a"),
    "read a trunk": lambda: credentials.get_credential("c1"),
    "change a trunk": lambda: credentials.update_credential("c1", {"gateways": []}, "a"),
    "find a trunk": lambda: credentials.find_credential("a"),
    "bring a number": lambda: phone_numbers.create_byo_number({"credentialId": "c1"}, "a"),
    "chat": lambda: chat.create_chat(assistant_body(), "Hello"),
}
DELETES = {
    "delete a file": lambda: files.delete_file("f1"),
    "delete a tool": lambda: tools.delete_tool("t1"),
    "delete an assistant": lambda: assistants.delete_assistant("a1"),
    "delete a squad": lambda: squads.delete_squad("s1"),
    "delete a trunk": lambda: credentials.delete_credential("c1"),
    "delete a number": lambda: phone_numbers.delete_number("n1"),
}
ODD = {
    "a page": b"<html>no</html>",
    "null": b"null",
    "a text": b'"x"',
    "a number": b"5",
    "cut off": b'{"id": "x',
    "no text": b"\xff\xfe",
    "deeper than can be read": b"[" * 100_000,
}
NOT_ONE = ODD | {
    "nothing": b"",
    "a list": b"[]",
    "an empty object": b"{}",
    "an id that is a number": b'{"id": 5}',
    "an id that is a list": b'{"id": ["x"], "name": {"a": 1}, "metadata": 7}',
}
NOT_SEVERAL = ODD | {
    "nothing": b"",
    "an object": b'{"results": []}',
    "a list of texts": b'["x"]',
    "a list with nothing in it": b"[null]",
}


@pytest.fixture
def answering(monkeypatch):
    """Sets how Vapi answers every request, or that it fails; returns the requests it got."""
    for name, value in {**VAPI, "PUBLIC_URL": "http://payphone"}.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    client.client.cache_clear()
    came: list[httpx.Request] = []

    def answer(status: int = 200, body: bytes | str = b"", error: Exception | None = None):
        def handle(request: httpx.Request) -> httpx.Response:
            came.append(request)
            if error:
                raise error
            return httpx.Response(status, content=body)

        transport = httpx.MockTransport(handle)
        monkeypatch.setattr(client.client(), "_transport", transport)
        monkeypatch.setattr(client.client(), "_mounts", {})
        return came

    yield answer
    client.client.cache_clear()
    get_settings.cache_clear()


def told(call) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        call()
    return raised.value


def usual(status, message, error="Bad Request"):
    return json.dumps({"statusCode": status, "message": message, "error": error})


@pytest.mark.parametrize(
    ("status", "body", "outcome", "code"),
    [
        (400, usual(400, ["property x should not exist"]), "refused", "http_400"),
        (400, usual(400, "Couldn't validate"), "refused", "http_400"),
        (400, '{"message": [], "error": "Bad Request"}', "refused", "http_400"),
        (404, usual(404, "Couldn't find it.", "Not Found"), "refused", "not_found"),
        (409, usual(409, "x", "draft_exists"), "refused", "draft_exists"),
        (422, usual(422, "x", "Unprocessable Entity"), "refused", "http_422"),
        (413, "<html>too large</html>", "refused", "http_413"),
        (429, usual(429, "slow down"), "retry_later", "rate_limit"),
        (429, "", "retry_later", "rate_limit"),
        (401, usual(401, "Invalid Key."), "retry_later", "unauthorized"),
        (403, usual(403, "Key doesn't allow this"), "retry_later", "forbidden"),
        (402, usual(402, "Purchase credits to use chat."), "retry_later", "payment_required"),
        (408, usual(408, "late"), "unknown", "http_408"),
        (500, usual(500, "Internal server error"), "unknown", "http_500"),
        (502, "<html>Bad Gateway</html>", "unknown", "http_502"),
        (503, "", "unknown", "http_503"),
        (302, "", "unknown", "http_302"),
        (400, "<html>no</html>", "unknown", "http_400"),
        (404, "<html>not here</html>", "unknown", "http_404"),
        (400, '{"message": {"a": 1}, "error": 5}', "unknown", "http_400"),
        (400, '{"message": [1, null], "error": ["x"]}', "unknown", "http_400"),
    ],
)
def test_each_error_answer_maps_to_its_outcome_and_code(answering, status, body, outcome, code):
    answering(status, body)
    error = told(CALLS["make a squad"])
    assert (error.outcome, error.code) == (outcome, code)
    assert error.answered == body.startswith('{"s') or body.startswith('{"message": []')


@pytest.mark.parametrize(
    ("failure", "outcome", "code"),
    [
        (httpx.ConnectError("refused"), "retry_later", "no_connection"),
        (httpx.ConnectTimeout("slow"), "retry_later", "no_connection"),
        (httpx.PoolTimeout("slow"), "retry_later", "no_connection"),
        (httpx.ProxyError("no"), "retry_later", "no_connection"),
        (httpx.ReadTimeout("slow"), "unknown", "ReadTimeout"),
        (httpx.WriteTimeout("slow"), "unknown", "WriteTimeout"),
        (httpx.ReadError("reset"), "unknown", "ReadError"),
        (httpx.WriteError("reset"), "unknown", "WriteError"),
        (httpx.RemoteProtocolError("cut"), "unknown", "RemoteProtocolError"),
        (httpx.DecodingError("no gzip"), "unknown", "DecodingError"),
        (OSError("gone"), "unknown", "OSError"),
    ],
)
def test_each_transport_error_maps_to_its_outcome_and_code(answering, failure, outcome, code):
    """Only if no connection was made can we be sure that the request did not arrive."""
    came = answering(error=failure)
    error = told(CALLS["make an assistant"])
    assert (error.outcome, error.code, error.answered) == (outcome, code, False)
    assert len(came) == 1  # no automatic retry


@pytest.mark.parametrize("call", CALLS)
def test_report_21_a_malformed_answer_is_an_unknown_outcome_and_no_crash(answering, call):
    """Vapi's own SDK fails over unexpected fields. Our functions report an unknown outcome instead,
    and accept no such answer.
    """
    for name, body in (NOT_SEVERAL if call.startswith("find") else NOT_ONE).items():
        answering(200, body)
        error = told(CALLS[call])
        assert (error.outcome, error.code) == ("unknown", "odd_answer"), name
    answering(500, b'{"message": 5, "error": {"a": []}}')
    assert told(CALLS[call]).outcome == "unknown"


def test_report_21_missing_or_wrongly_typed_fields_are_tolerated(answering):
    """Given objects with a valid id and other fields missing or of a wrong type, then they are read
    all the same: no search matches them, and no version is pinned.
    """
    answering(200, b'{"id": "x", "name": 5, "metadata": ["x"], "latestVersion": 3, "status": {}}')
    assert assistants.version_of(assistants.get_assistant("x")) == ""
    assert phone_numbers.get_number("x")["status"] != phone_numbers.ACTIVE
    assert files.get_file("x")["id"] == "x"
    rows = [
        {"id": "x", "name": 5, "metadata": "no JSON", "knowledgeBases": 7, "parameters": "x"},
        {"id": ["y"], "name": None, "metadata": None, "knowledgeBases": [1], "parameters": [None]},
        {},
    ]
    answering(200, json.dumps(rows))
    for find in ("find a file", "find a tool", "find an assistant", "find a squad"):
        assert CALLS[find]() is None
    assert phone_numbers.find_number("a") is None


def test_a_chat_answer_without_text_is_malformed(answering):
    for output in (None, {}, [], [5], [{"role": "assistant"}], [{"role": "user", "content": "x"}]):
        answering(200, json.dumps({"id": "c", "output": output}))
        assert told(CALLS["chat"]).code == "odd_answer"
    answering(
        200, '{"id": "c", "cost": "free", "output": [{"role": "assistant", "content": "Hi"}]}'
    )
    assert CALLS["chat"]() == chat.ChatReply("c", "Hi", None)


@pytest.mark.parametrize("call", DELETES)
def test_deleting_a_missing_object_succeeds(answering, call):
    """Only a 404 in Vapi's own format counts as deleted; a gateway's page may mean that the URL is
    wrong.
    """
    answering(404, usual(404, "Couldn't find it.", "Not Found"))
    assert DELETES[call]() is None
    answering(200, b'{"id": "x"}')
    assert DELETES[call]() is None
    answering(204, b"")
    assert DELETES[call]() is None
    answering(404, b"<html>not here</html>")
    error = told(DELETES[call])
    assert (error.outcome, error.answered) == ("unknown", False)
    answering(200, b"<html>log in</html>")
    assert told(DELETES[call]).outcome == "unknown"


@pytest.mark.parametrize("call", DELETES)
def test_report_17_a_delete_refused_because_of_a_dependant_is_retried_later(answering, call):
    """Given an object that another one refers to, then its DELETE is retried later."""
    answering(409, '{"error": "assistant_pinned", "message": "pinned by squad s1"}')
    error = told(DELETES[call])
    assert (error.outcome, error.code, error.answered) == ("retry_later", "dependant_left", True)
    assert "squad, assistant, tool and file" in error.advice


@pytest.mark.parametrize("said", [str, lambda text: [text, 5, None]], ids=["text", "list"])
def test_no_secret_is_repeated_in_an_error(answering, said):
    """Given a Vapi that echoes the request, then the error contains no secret of the clinic's or
    ours, and is cut to a bounded length.
    """
    words = f"bad twilioAuthToken {TOKEN}; key {KEY}; Bearer {KEY}; {SECRET}; sk_live_123456789012"
    answering(400, usual(400, said(words)))
    error = told(CALLS["import a number"])
    for secret in (TOKEN, KEY, SECRET, "sk_live_1"):
        assert secret not in str(error)
    assert "bad twilioAuthToken ***" in str(error)
    answering(400, usual(400, "x" * 100_000))
    assert len(str(told(CALLS["import a number"]))) < 1000


def test_no_token_in_an_answer_is_returned(answering):
    """Given a Vapi that answers with the secrets it was given, then our functions return none of
    them.
    """
    shown = {
        "id": "x",
        "number": "+12025550100",
        "twilioAuthToken": TOKEN,
        "twilioApiSecret": TOKEN,
        "credentials": [{"apiKey": TOKEN}],
        "server": {"url": HOOK, "headers": {"X-Vapi-Secret": SECRET}, "secret": SECRET},
        "model": {"tools": [{"server": {"url": HOOK, "headers": {"a": SECRET}}}]},
    }
    for call in ("import a number", "read a number", "read an assistant", "change a squad"):
        answering(200, json.dumps(shown))
        kept = CALLS[call]()
        assert TOKEN not in json.dumps(kept), call
        assert SECRET not in json.dumps(kept), call
        assert kept["server"] == {"url": HOOK}
    answering(200, json.dumps([shown]))
    assert TOKEN not in json.dumps(phone_numbers.list_numbers())


def test_our_secret_goes_to_our_own_servers_only(answering):
    """Given servers in a body, then only those at our own URL get the secret, and only in the
    request that is sent, not in the body itself.
    """
    came = answering(200, '{"id": "x"}')
    elsewhere = {"type": "function", "server": {"url": "https://elsewhere.example/x"}}
    alike = {"type": "function", "server": {"url": "http://payphone.elsewhere.example/x"}}
    body = assistant_body()
    body["model"]["tools"] = [elsewhere, alike]
    before = json.dumps(body)
    assistants.create_assistant(body, "a")
    sent = json.loads(came[0].content)
    assert sent["server"]["headers"] == {"X-Vapi-Secret": SECRET}
    assert [tool["server"] for tool in sent["model"]["tools"]] == [
        elsewhere["server"],
        alike["server"],
    ]
    assert json.dumps(body) == before


def test_our_own_server_needs_a_webhook_secret(answering, monkeypatch):
    monkeypatch.setenv("VAPI_WEBHOOK_SECRET", "")
    get_settings.cache_clear()
    came = answering(200, '{"id": "x"}')
    with pytest.raises(Misconfigured, match="VAPI_WEBHOOK_SECRET"):
        CALLS["make an assistant"]()
    assert came == []


@pytest.mark.parametrize("key", ["", "not a key", "kéy", "key\n"])
def test_an_invalid_api_key_is_reported_as_misconfigured(monkeypatch, key):
    monkeypatch.setenv("VAPI_API_KEY", key)
    get_settings.cache_clear()
    client.client.cache_clear()
    with pytest.raises(Misconfigured, match="VAPI_API_KEY"):
        CALLS["read a squad"]()
    get_settings.cache_clear()


@pytest.mark.parametrize("call", ["make an assistant", "make a squad", "import a number", "chat"])
def test_report_16_a_workflow_is_never_sent(answering, call, monkeypatch):
    """Vapi has removed workflows, though its published spec still has `workflowId`: our functions
    never name one, and refuse to send one.
    """
    came = answering(
        200, '{"id": "x", "output": [{"role": "assistant", "content": "workflowless"}]}'
    )
    CALLS[call]()
    assert b"workflowId" not in came[0].content
    with pytest.raises(ValueError, match="workflowId"):
        squads.create_squad([{"assistant": {"hooks": [{"workflowId": "w"}]}}], "a")
    assert len(came) == 1


@pytest.mark.parametrize("model", [None, {}, {"toolIds": ["t"]}, {"provider": "openai"}])
def test_report_18_an_incomplete_model_is_not_sent(answering, model):
    """A PATCH replaces `model` as a whole, so an incomplete one would remove prompt and tools."""
    came = answering(200, '{"id": "x"}')
    with pytest.raises(ValueError, match="as a whole"):
        assistants.update_assistant("a1", assistant_body(model=model), "a")
    assert came == []


@pytest.mark.parametrize("call", [files.get_file, tools.get_tool, squads.delete_squad])
def test_no_request_is_sent_without_an_id(answering, call):
    """Without an id, the URL would be that of the whole list; an id is escaped, so it cannot change
    the path.
    """
    came = answering(200, b"[]")
    with pytest.raises(ValueError, match="no id"):
        call("")
    assert came == []
    answering(200, b'{"id": "x"}')
    call("../assistant?x=1#y")
    assert came[0].url.raw_path.count(b"/") == 2


@pytest.mark.parametrize("tag", ["", "x" * 41])
def test_a_tag_must_fit_vapis_limit_for_names(tag):
    with pytest.raises(ValueError, match="40 characters"):
        squads.create_squad([], tag)


def rows(number, start=0, step=1):
    """Return rows, newest first."""
    return [
        {"id": f"r{i}", "name": f"tag-{i}", "createdAt": f"2026-11-01T00:{i * step // 60:02d}:00Z"}
        for i in range(start + number - 1, start - 1, -1)
    ]


def paging(answering, monkeypatch, found):
    """Make Vapi answer with at most 100 rows, whatever the limit in the request."""

    def handle(request: httpx.Request) -> httpx.Response:
        before = request.url.params.get("createdAtLe", "9")
        page = [row for row in found if row["createdAt"] <= before][:100]
        return httpx.Response(200, json=page)

    answering(200, b"[]")
    monkeypatch.setattr(client.client(), "_transport", httpx.MockTransport(handle))


def test_a_list_is_searched_page_by_page(answering, monkeypatch):
    """Given more rows than Vapi returns per page, then every row is read."""
    paging(answering, monkeypatch, rows(350))
    assert len(squads.list_squads()) == 350
    assert squads.find_squad("tag-0")["id"] == "r0"
    assert squads.find_squad("tag-350") is None


def test_a_call_in_doubt_is_found_however_many_calls_followed(answering, monkeypatch):
    """Given more later calls than we page through, then the call in doubt is still found."""
    found = rows(100 * lists.MOST_PAGES + 50, step=2)

    def handle(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        least, most = asked.get("createdAtGe", ""), asked.get("createdAtLe", "9")
        page = [row for row in found if least <= row["createdAt"] <= most]
        return httpx.Response(200, json=page[:100])

    answering(200, b"[]")
    monkeypatch.setattr(client.client(), "_transport", httpx.MockTransport(handle))
    effect = Effect(id="tag-3", sent_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert CALL.find(effect)["id"] == "r3"


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (rows(100 * lists.MOST_PAGES + 50, step=2), "list_too_long"),
        (
            [{"id": f"r{i}", "createdAt": "2026-11-01T00:00:00Z"} for i in range(300)],
            "list_too_long",
        ),
        (rows(150)[::-1], "odd_answer"),
        ([{"id": f"r{i}", "createdAt": None} for i in range(100)], "odd_answer"),
        ([{"id": f"r{i}", "createdAt": "yesterday"} for i in range(100)], "odd_answer"),
    ],
    ids=["too many", "of one moment", "oldest first", "without times", "no times"],
)
def test_an_incomplete_search_is_unknown_instead_of_empty(answering, monkeypatch, found, code):
    def handle(request: httpx.Request) -> httpx.Response:
        before = request.url.params.get("createdAtLe")
        page = [row for row in found if not before or row["createdAt"] <= before]
        return httpx.Response(200, json=page[:100])

    answering(200, b"[]")
    monkeypatch.setattr(client.client(), "_transport", httpx.MockTransport(handle))
    error = told(lambda: tools.find_tool("tag-x"))
    assert (error.outcome, error.code) == ("unknown", code)
