"""Calls: placed through the API, then continued as their callers' scripts say.

A call is queued, rings, is answered or not, and ends; each status, and the report at the end, goes
to the assistant's server. Beyond the organization's concurrency limit a call is accepted with 201,
but blocked: it ends without ringing.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.vapi import assistants, shapes
from sandbox.vapi.books import Books
from sandbox.vapi.callers import SCRIPTS, Script, scripted
from sandbox.vapi.errors import Json, invalid, missing
from sandbox.vapi.tool_shapes import lines_of, tool_calls

GOES_ON = "vapi call goes on"
E164 = re.compile(r"\+[1-9]\d{6,14}")
SIGNED_BY = "x-vapi-secret"
A_MINUTE = 0.05  # USD
BLOCKED = "call.start.error-subscription-concurrency-limit-reached"
OVER = frozenset({"ended"})
RECORDING = "https://storage.vapi.ai/sandbox/{id}-mono.wav?expires=1"


def create(books: Books, body: Any) -> Json:
    """``POST /call``: neither unique by name nor idempotent."""
    shapes.check("CreateCallDTO", body)
    customer = body.get("customer") or {}
    number = customer.get("number") or ""
    if not E164.fullmatch(number):
        raise invalid("customer.number must be a valid phone number in the E.164 format")
    ours = books.tables["phone-number"].get(body.get("phoneNumberId") or "")
    if ours is None:
        raise invalid(f"phoneNumberId: phone number {body.get('phoneNumberId')} not found")
    first = _first_member(books, body)
    is_blocked = _under_way(books) >= books.habits.concurrency
    made = books.keep(
        "call",
        {
            **{key: value for key, value in body.items() if key != "squad"},
            "type": "outboundPhoneCall",
            "phoneCallProvider": "twilio",
            "status": "queued",
        },
    )
    books.private[made["id"]] = {
        "place": 0,
        "server": (first.get("server") or {}),
        "blocked": is_blocked,
        **_caller(books, number),
    }
    answer = dict(made)
    if is_blocked:  # Vapi publishes this field for batches only
        answer["subscriptionLimits"] = {
            "concurrencyBlocked": True,
            "concurrencyLimit": books.habits.concurrency,
            "remainingConcurrentCalls": 0,
        }
    _schedule(books, made["id"], books.habits.rings_after)
    return answer


def incoming(books: Books, number: str, caller: str, server: Json, is_bare: bool = False) -> Json:
    """Create a call from a person to a number that is answered here. The first report of an
    `is_bare` one has neither transcript nor analysis.
    """
    ours = next(row for row in books.each("phone-number") if row["number"] == number)
    made = books.keep(
        "call",
        {
            "type": "inboundPhoneCall",
            "phoneCallProvider": "twilio",
            "phoneNumberId": ours["id"],
            "customer": {"number": caller},
            "status": "ringing",
        },
    )
    books.private[made["id"]] = {
        "place": 0,
        "server": server,
        "blocked": False,
        "is_bare": is_bare,
        **_caller(books, caller),
    }
    _schedule(books, made["id"], 0)
    return made


def retrieve(books: Books, id: str) -> Json:
    """``GET /call/{id}``; ``{id}/mono-recording`` returns the recording's location."""
    call_id, _, what = id.partition("/")
    found = books.find("call", call_id)
    if not what:
        return found
    if what not in {"mono-recording", "stereo-recording"} or not found.get("artifact", {}).get(
        "recording"
    ):
        raise missing("recording", call_id)
    return {"location": RECORDING.format(id=call_id)}


def go_on(books: Books, id: str) -> None:
    """Advance a call by one step of its script."""
    call, private = books.tables["call"].get(id), books.private.get(id)
    if call is None or private is None or call["status"] in OVER:
        return
    script, place = SCRIPTS[private["script"]], private["place"]
    private["place"] += 1
    if private["blocked"]:
        _end(books, call, script, BLOCKED)
    elif call["status"] == "queued":
        _set_status(books, call, "ringing")
        _schedule(books, id, books.habits.rings_for)
    elif not script.answered:
        _end(books, call, script, script.ended)
    elif call["status"] == "ringing":
        call["startedAt"] = books.moment()
        call["phoneCallProviderId"] = "CA" + id.replace("-", "")
        private["place"] = 0
        _set_status(books, call, "in-progress")
        _schedule(books, id, books.habits.talks_for)
    elif place < len(script.tools) and not _ends_after_answer(books, private, script, place):
        asked = private["asked"] = _call_tool(books, call, script, place)
        if books.shared.outbox.is_open(asked):  # the call waits for the tool's answer
            books.shared.timers.start_after_answer(asked, GOES_ON, books.org, id, script.pause)
        else:
            _schedule(books, id, script.pause)
    else:
        _end(books, call, script, script.ended)


def hang_up(books: Books, id: str, ended: str) -> None:
    """End a call now, whatever its script says."""
    call = books.find("call", id)
    if call["status"] not in OVER:
        _end(books, call, SCRIPTS[books.private[id]["script"]], ended)


def tell(books: Books, id: str, kind: str) -> None:
    """Send a message about a call again: `status-update` or `end-of-call-report`."""
    call = books.find("call", id)
    if kind == "end-of-call-report":
        _report(books, call)
    else:
        _message(books, call, {"type": "status-update", "status": call["status"]})


def _caller(books: Books, number: str) -> Json:
    """Return the script and the details of the person at a number."""
    usual = books.callers.get("", {"script": "hangs_up", "who": {}})
    return dict(books.callers.get(number, usual))


def _under_way(books: Books) -> int:
    return sum(
        call["status"] not in OVER and not books.private[call["id"]]["blocked"]
        for call in books.each("call")
        if call["id"] in books.private
    )


def _first_member(books: Books, body: Json) -> Json:
    """Return the assistant that speaks first; raises unless the body names exactly one way to find
    it.
    """
    ways = [name for name in ("assistantId", "assistant", "squadId", "squad") if body.get(name)]
    if len(ways) != 1:
        raise invalid("needs exactly one of assistantId, assistant, squadId, squad")
    if ways[0] == "assistant":
        return dict(body["assistant"])
    if ways[0] == "assistantId":
        return _published(books, body["assistantId"], body.get("assistantVersion"))
    squad = body["squad"] if ways[0] == "squad" else books.find("squad", body["squadId"])
    if not squad.get("members"):
        raise invalid("squad.members should not be empty")
    for member in squad["members"]:
        if member.get("assistant") is None:
            _published(books, member.get("assistantId") or "", member.get("assistantVersion"))
    member = squad["members"][0]
    inline: Json | None = member.get("assistant")
    if inline is not None:
        return inline
    return _published(books, member["assistantId"], member.get("assistantVersion"))


def _published(books: Books, id: str, version: str | None) -> Json:
    found = assistants.published(books, id, version)
    if found is None:
        raise invalid(f"assistant {id} {version or ''} not found")
    return found


def _schedule(books: Books, id: str, seconds: int) -> None:
    books.shared.timers.at(books.shared.now() + seconds, GOES_ON, books.org, id)


def _set_status(books: Books, call: Json, status: str) -> None:
    """Set a call's status, and report it to the server."""
    call["status"] = status
    call["updatedAt"] = books.moment()
    _message(books, call, {"type": "status-update", "status": status})


def _end(books: Books, call: Json, script: Script, ended: str) -> None:
    call["endedReason"], call["endedAt"] = ended, books.moment()
    talked = "startedAt" in call
    call["cost"] = A_MINUTE if talked else 0.0
    call["artifact"] = {"transcript": script.transcript if talked else "", "messages": []}
    if talked and script.recorded:
        call["artifact"]["recording"] = {"mono": {"combinedUrl": RECORDING.format(id=call["id"])}}
    call["analysis"] = {
        "summary": script.summary if talked else "",
        "structuredData": dict(script.said) if talked else {},
        "successEvaluation": "true" if talked else "false",
    }
    books.bill("call", call["id"], call["cost"])
    call["status"], call["updatedAt"] = "ended", books.moment()
    _message(books, call, {"type": "status-update", "status": "ended", "endedReason": ended})
    _report(books, call)


def _report(books: Books, call: Json) -> None:
    told = ["endedReason", "startedAt", "endedAt", "cost", "artifact", "analysis"]
    if books.private[call["id"]].pop("is_bare", False):
        del told[4:]
    _message(
        books,
        call,
        {"type": "end-of-call-report", **{name: call[name] for name in told if name in call}},
    )


def _ends_after_answer(books: Books, private: Json, script: Script, place: int) -> bool:
    """Add the last tool's answer and the person's reply to the conversation; return whether the
    answer ends the script's tool calls.
    """
    copies = books.shared.outbox.by_event.get(private.get("asked", ""), [])
    told = next((line for copy in copies for line in lines_of(copy.answer)), "")
    spoken = [("bot", told), ("user", script.replies.get(place - 1, ""))]
    private.setdefault("spoken", []).extend(
        {"role": role, "message": words} for role, words in spoken if words
    )
    return bool(script.until) and script.until in told


def _call_tool(books: Books, call: Json, script: Script, place: int) -> str:
    """Send a tool call, and return the id of its message."""
    who = books.private[call["id"]]["who"]
    name, arguments = scripted(script, place, who, lambda days: _day(books, days))
    shape = books.habits.tool_shape or ("spec", "flat", "parameters")[place % 3]
    asked = tool_calls(f"toolu_{call['id'][:8]}_{place}", name, arguments, shape)
    asked["artifact"] = {"messages": list(books.private[call["id"]].get("spoken", []))}
    return _message(books, call, {"type": "tool-calls", **asked}, path="/api/vapi/tools")


def _day(books: Books, days: int) -> str:
    """Return the date in `days` days, by the callers' calendar."""
    today = datetime.fromtimestamp(books.shared.now(), UTC) + timedelta(books.habits.days_ahead)
    return (today + timedelta(days)).date().isoformat()


def _message(books: Books, call: Json, message: Json, path: str = "") -> str:
    """Send a server message and return its id, or an empty string if the assistant has no server or
    the habits silence it.
    """
    private = books.private[call["id"]]
    server = private["server"]
    url = server.get("url") or ""
    kind = message["type"]
    if not url or kind in books.habits.silent.split(","):
        return ""
    if path:
        url = re.sub(r"(https?://[^/]+).*", rf"\1{path}", url)
    number = books.tables["phone-number"].get(call.get("phoneNumberId") or "", {})
    shown = {
        key: value for key, value in call.items() if key not in {"artifact", "analysis", "cost"}
    }
    body = {
        "message": {
            "timestamp": int(datetime.now(UTC).timestamp() * 1000),
            **message,
            "call": shown,
            "customer": call.get("customer") or {},
            "phoneNumber": {
                name: number[name] for name in ("id", "number", "provider") if name in number
            },
        }
    }
    headers = {key.lower(): value for key, value in (server.get("headers") or {}).items()}
    event_id = books.shared.ids.new("vmsg", 16)
    books.shared.outbox.post(
        books.shared.wall(),
        provider="vapi",
        event_id=event_id,
        event_type=kind,
        endpoint_id=url,
        url=url,
        secret=str(headers.get(SIGNED_BY) or server.get("secret") or ""),
        body=json.dumps(body),
        most_attempts=1,
    )
    return event_id


def sign(delivery: Any, _now: float) -> dict[str, str]:
    """Return the headers that an assistant's server expects."""
    return {"Content-Type": "application/json", "X-Vapi-Secret": delivery.secret}
