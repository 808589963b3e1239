"""The places at providers where our objects can be: how to list them, which are ours, and how to
remove one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from effects.deployment.twilio.address import ADDRESS_DELETE
from effects.deployment.twilio.login_list import LOGIN_LIST_DELETE
from effects.deployment.twilio.number import NUMBER_RELEASE
from effects.deployment.twilio.port import PORT_REQUEST_CANCEL
from effects.deployment.twilio.trunk import TRUNK_DELETE
from effects.deployment.vapi.assistant import ASSISTANT_DELETE
from effects.deployment.vapi.knowledge_file import FILE_DELETE
from effects.deployment.vapi.number_import import NUMBER_IMPORT_DELETE
from effects.deployment.vapi.query_tool import TOOL_DELETE
from effects.deployment.vapi.squad import SQUAD_DELETE
from effects.deployment.vapi.trunk import TRUNK_UNKNOWN
from effects.kind import Kind
from models.deployment.installation import tagged
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from providers.twilio import addresses, numbers, porting, trunks
from providers.vapi import assistants, credentials, files, phone_numbers, squads, tools

Json = dict[str, Any]
Owners = dict[str, str]  # provider id → account id
RESOURCES = "provider = ? AND state = 'made' AND name IN ({marks})"


@dataclass(frozen=True, slots=True)
class Place:
    """One list at a provider. `ours` returns what our rows say is there, `tag` the tag that a
    listed object carries; `delete` is the effect that removes one.
    """

    provider: str
    kind: str
    what: str
    listed: Callable[[], list[Json]]
    tag: Callable[[Json], str]
    read: Callable[[str], Json]
    ours: Callable[[], Owners]
    delete: Kind

    @property
    def name(self) -> str:
        """The name by which jobs refer to it."""
        return f"{self.provider}.{self.kind}"

    def request(self, provider_id: str) -> Json:
        """Return the request that removes an object."""
        return {self.delete.target_field: provider_id}


def _named(row: Json) -> str:
    return str(row.get("name") or row.get("friendly_name") or "")


def _tag_of_tool(tool: Json) -> str:
    return next((str(base.get("name")) for base in tool.get("knowledgeBases") or []), "")


def _tag_of_file(file: Json) -> str:
    metadata = file.get("metadata")
    return str(metadata.get("attempt_id") or "") if isinstance(metadata, dict) else ""


def _resources(provider: str, *names: str) -> Callable[[], Owners]:
    where = RESOURCES.format(marks=", ".join("?" for _ in names))

    def owners() -> Owners:
        rows = Resource.all(where, provider, *names)
        return {row.provider_id: row.account_id for row in rows}

    return owners


def _open_ports() -> list[Json]:
    """Return port requests that are still open. They carry no tag of ours, so each gets the tag of
    the line for its number; a second request for that number is then an orphan.
    """
    line_ids = _asked_for()
    return [
        port | {"tag": tagged(line_ids[number])}
        for port in porting.open_ports()
        for number in (each["number"] for each in port["numbers"])
        if number in line_ids
    ]


def _read_port(provider_id: str) -> Json:
    """Read a port request in the form in which `_open_ports` returns it."""
    port, asked = porting.get_port(provider_id), _asked_for()
    lines = [asked[each["number"]] for each in port["numbers"] if each["number"] in asked]
    return port | {"tag": tagged(lines[0]) if lines else ""}


def _asked_for() -> dict[str, str]:
    """Return the line id of every number that was ever requested, by number."""
    rows = PhoneLine.all("source = 'ported' AND e164 IS NOT NULL ORDER BY id")
    return {str(row.e164): row.id for row in rows}


def _tag_of_port(port: Json) -> str:
    return str(port.get("tag") or "")


def _files() -> Owners:
    rows = KnowledgeFile.all("vapi_id IS NOT NULL AND state <> 'deleted'")
    return {str(row.vapi_id): row.account_id for row in rows}


def _lines() -> Owners:
    rows = PhoneLine.all("twilio_sid IS NOT NULL AND state IN ('owned', 'releasing')")
    return {str(row.twilio_sid): row.account_id for row in rows}


PLACES: dict[str, Place] = {
    place.name: place
    for place in (
        Place(
            "vapi",
            "phone-number",
            "phone number at Vapi",
            phone_numbers.list_numbers,
            _named,
            phone_numbers.get_number,
            _resources("vapi", "vapi_number"),
            NUMBER_IMPORT_DELETE,
        ),
        Place(
            "vapi",
            "squad",
            "squad at Vapi",
            squads.list_squads,
            _named,
            squads.get_squad,
            _resources("vapi", "squad"),
            SQUAD_DELETE,
        ),
        Place(
            "vapi",
            "assistant",
            "assistant at Vapi",
            assistants.list_assistants,
            _named,
            assistants.get_assistant,
            _resources("vapi", "receptionist", "payments"),
            ASSISTANT_DELETE,
        ),
        Place(
            "vapi",
            "tool",
            "query tool at Vapi",
            tools.list_tools,
            _tag_of_tool,
            tools.get_tool,
            _resources("vapi", "query_tool"),
            TOOL_DELETE,
        ),
        Place(
            "vapi",
            "file",
            "knowledge file at Vapi",
            files.list_files,
            _tag_of_file,
            files.get_file,
            _files,
            FILE_DELETE,
        ),
        Place(
            "twilio",
            "number",
            "phone number at Twilio",
            numbers.list_numbers,
            _named,
            numbers.get_number,
            _lines,
            NUMBER_RELEASE,
        ),
        Place(
            "twilio",
            "address",
            "emergency address at Twilio",
            addresses.list_addresses,
            _named,
            addresses.get_address,
            _resources("twilio", "emergency_address"),
            ADDRESS_DELETE,
        ),
        Place(
            "vapi",
            "credential",
            "SIP trunk at Vapi",
            credentials.list_credentials,
            _named,
            credentials.get_credential,
            _resources("vapi", "trunk_at_vapi"),
            TRUNK_UNKNOWN,
        ),
        Place(
            "twilio",
            "trunk",
            "SIP trunk at Twilio",
            trunks.list_trunks,
            _named,
            trunks.get_trunk,
            _resources("twilio", "trunk"),
            TRUNK_DELETE,
        ),
        Place(
            "twilio",
            "login-list",
            "list of SIP logins at Twilio",
            trunks.list_credential_lists,
            _named,
            trunks.get_credential_list,
            _resources("twilio", "login_list"),
            LOGIN_LIST_DELETE,
        ),
        Place(
            "twilio",
            "port",
            "port request at Twilio",
            _open_ports,
            _tag_of_port,
            _read_port,
            _resources("twilio", "port_request"),
            PORT_REQUEST_CANCEL,
        ),
    )
}
