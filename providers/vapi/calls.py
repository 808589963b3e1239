"""Calls at Vapi: place them under a name by which they are found again, fetch them, list them.

Vapi has no idempotency key and no filter by name, and nothing is retried here: a second POST would
be a second call.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from providers.vapi import client
from providers.vapi.client import Json, object_path
from providers.vapi.lists import listed, name, page_of
from rules.calling import tool_payloads
from rules.calling.call_analysis import read_analysis
from rules.storable import storable_text

KIND = "call"
MICRO = 1_000_000
REPORT, STATUS = "end-of-call-report", "status-update"
_CALL_FIELDS = (
    "status",
    "endedReason",
    "startedAt",
    "endedAt",
    "cost",
    "artifact",
    "analysis",
    "transcript",
)
_RECORDING_FIELDS = ("recording", "recordingUrl", "presignedMonoUrl", "presignedStereoUrl")


@dataclass(frozen=True, slots=True)
class VapiCall:
    """A call as Vapi reports it; what Vapi leaves out is empty. `name` is our effect's id.

    `blocked`: Vapi accepted the call but did not place it, because too many are in progress. `cost`
    is in millionths of a US dollar; `said` is the structured outcome that the assistant filled in.
    """

    id: str
    status: str
    name: str = ""
    direction: str = ""
    phone_number_id: str = ""
    customer_number: str = ""
    carrier_id: str = ""
    blocked: bool = False
    ended_reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cost: int | None = None
    transcript: str = ""
    summary: str = ""
    said: Json | None = None
    is_recorded: bool = False


def create_call(body: Json, tag: str) -> VapiCall:
    """Place a call; the tag becomes its name. Check `blocked`: success means only that Vapi
    accepted the request.
    """
    return read_call(client.post(f"/{KIND}", body | {"name": name(tag)}))


def get_call(call_id: str) -> VapiCall:
    """Fetch a call."""
    return read_call(client.checked_object(client.get(object_path(KIND, call_id))))


def recording_address(call_id: str) -> str:
    """Fetch the short-lived URL of a call's recording. Raises ProviderError if there is none."""
    return client.location(f"{object_path(KIND, call_id)}/mono-recording")


def find_call(tag: str, since: datetime, until: datetime) -> VapiCall | None:
    """Find the call with this name among those created between two times. None is no proof that it
    was not placed: how long Vapi takes to list a call is not known.
    """
    found = listed(f"/{KIND}", since, until)
    row = next((row for row in found if row.get("name") == tag), None)
    return None if row is None or not row.get("id") else read_call(row)


def page_of_calls(
    since: datetime, until: datetime | None
) -> tuple[list[VapiCall], datetime | None]:
    """Return the newest calls created between two times, in both directions, and the upper bound
    for the next page; the bound is None if there are no more.
    """
    page, rest = page_of(f"/{KIND}", since, until)
    return [read_call(row) for row in page], rest


def read_call(row: Json) -> VapiCall:
    """Read a call from any Vapi document that describes one."""
    artifact, analysis = _dict(row.get("artifact")), _dict(row.get("analysis"))
    transport, limits = _dict(row.get("transport")), _dict(row.get("subscriptionLimits"))
    return VapiCall(
        id=_text(row.get("id")),
        status=_text(row.get("status")),
        name=_text(row.get("name")),
        direction="inbound" if row.get("type") == "inboundPhoneCall" else "outbound",
        phone_number_id=_text(row.get("phoneNumberId")),
        customer_number=_text(_dict(row.get("customer")).get("number")),
        carrier_id=_text(transport.get("callSid") or row.get("phoneCallProviderId")),
        blocked=limits.get("concurrencyBlocked") is True,
        ended_reason=_text(row.get("endedReason")),
        started_at=_parse_time(row.get("startedAt")),
        ended_at=_parse_time(row.get("endedAt")),
        cost=_micros(row.get("cost")),
        transcript=_text(artifact.get("transcript")) or _text(row.get("transcript")),
        summary=_text(analysis.get("summary")),
        said=_structured_outcome(artifact, analysis),
        is_recorded=any(artifact.get(name) for name in _RECORDING_FIELDS),
    )


def read_message(document: Any) -> tuple[str, VapiCall]:
    """Return the kind of a Vapi webhook message and the call that it describes; the kind is empty
    if the document is no message. An end-of-call report means that the call has ended.
    """
    message = _dict(_dict(document).get("message"))
    kind = _text(message.get("type"))
    reported = {name: message[name] for name in _CALL_FIELDS if message.get(name) is not None}
    if kind == REPORT:
        reported["status"] = "ended"
    return kind, read_call(tool_payloads.read_call(document) | reported)


def _structured_outcome(artifact: Json, analysis: Json) -> Json | None:
    """The structured outcome, from whichever of Vapi's two features the organization uses; if it
    has others too, the one that names an outcome of ours.
    """
    outputs = _dict(artifact.get("structuredOutputs")).values()
    results = [analysis.get("structuredData"), *(_dict(each).get("result") for each in outputs)]
    found = [each for each in results if isinstance(each, dict) and each]
    ours = (each for each in found if "outcome" in read_analysis(each))
    return next(ours, found[0] if found else None)


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return storable_text(value) if isinstance(value, str) else ""


def _parse_time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _micros(dollars: Any) -> int | None:
    if isinstance(dollars, bool) or not isinstance(dollars, int | float | str):
        return None
    try:
        micros = Decimal(str(dollars)) * MICRO
        return int(micros) if micros.is_finite() and 0 <= micros < 10**15 else None
    except InvalidOperation:
        return None
