"""What is rendered for Vapi has the shapes that Vapi publishes.

The published file (`vapi_openapi.json`, https://api.vapi.ai/api-json) is not part of the
repository: its folder is named by PAYPHONE_SPECS. Without it this is skipped, and says so.
"""

import copy
import json
import os
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

from rules.deployment.payments_member import render_payments
from rules.deployment.query_tool import render_query_tool
from rules.deployment.receptionist import render_receptionist, render_trial
from rules.deployment.rendering import Clinic, File
from rules.deployment.squad import Member, render_squad

FOLDER = os.environ.get("PAYPHONE_SPECS", "")
SPEC = Path(FOLDER) / "vapi_openapi.json"
pytestmark = pytest.mark.skipif(
    not FOLDER or not SPEC.exists(),
    reason="PAYPHONE_SPECS names no folder with vapi_openapi.json",
)

CLINIC = Clinic(
    business_name="Bright Smile Dental",
    clinic_number="+12125550123",
    time_zone="America/New_York",
    public_url="https://pay.example.com",
    files=(File("file-1", "prices.pdf"),),
    transfer_number="+12125550199",
)
SQUAD = render_squad(Member("a-1", "tag-1", "v1"), Member("a-2", "tag-2", "v1"))
BODIES = {
    "query tool": ("CreateQueryToolDTO", render_query_tool(CLINIC, "tag-1")),
    "receptionist": ("CreateAssistantDTO", render_receptionist(CLINIC, "tool-1")),
    "in Spanish": ("CreateAssistantDTO", render_receptionist(replace(CLINIC, language="es"))),
    "payments": ("CreateAssistantDTO", render_payments(CLINIC, "verifyCaller", ("tool-2",))),
    "trial": ("CreateAssistantDTO", render_trial(CLINIC)),
    "squad": ("CreateSquadDTO", SQUAD | {"name": "tag-3"}),
}
# what Vapi's guide to query tools sends, and its DTO leaves out
DOCUMENTED = {"CreateQueryToolDTO": {"function": {"$ref": "#/components/schemas/OpenAIFunction"}}}


def mended(schema):
    """A schema of Vapi's as JSON Schema means it: words that are said to be objects or lists of
    lists are words, a pattern has no slashes around it, and of several shapes more than one may fit
    ("a known word, or any text"). What is not in it may not be sent.
    """
    if isinstance(schema, list):
        return [mended(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        "anyOf" if name == "oneOf" else name: mended(value)
        for name, value in schema.items()
        if name not in {"example", "examples", "description"} or isinstance(value, dict)
    }
    kind = made.get("type")
    if isinstance(made.get("enum"), list) and kind in ("object", "array"):
        made.pop("type" if kind == "object" else "enum")
    pattern = made.get("pattern")
    if isinstance(pattern, str) and pattern.startswith("/"):
        made["pattern"] = pattern.strip("/u").strip("/")
    if isinstance(made.get("properties"), dict) and kind == "object":
        made.setdefault("additionalProperties", False)
    return made


@pytest.fixture(scope="module")
def schemas():
    published = json.loads(SPEC.read_text("utf-8"))["components"]["schemas"]
    for name, properties in DOCUMENTED.items():
        assert not set(properties) & set(published[name]["properties"])
        published[name]["properties"] |= properties
    return mended(published)


def errors_of(schemas, name, body):
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    validator = jsonschema_rs.validator_for(whole)
    return [
        f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(body)
    ]


@pytest.mark.parametrize("what", BODIES)
def test_body_has_the_published_shape(schemas, what):
    name, body = BODIES[what]
    assert errors_of(schemas, name, body) == []


def test_a_body_of_another_shape_is_seen(schemas):
    """Given a word, a value or a name that Vapi does not publish, then this check fails."""
    for change in (
        {"firstMessageMode": "whenever"},
        {"maxDurationSeconds": 5},
        {"silenceTimeout": 5},
        {"name": "x" * 41},
    ):
        body = copy.deepcopy(BODIES["receptionist"][1]) | change
        assert errors_of(schemas, "CreateAssistantDTO", body), change
