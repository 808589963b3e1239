"""The bodies that we render for Vapi have the shapes that Vapi publishes.

The published file (`vapi_openapi.json`, https://api.vapi.ai/api-json) is not part of the
repository; PAYPHONE_SPECS names its folder. Without it these tests are skipped, with the reason.
"""

import copy
from dataclasses import replace

import pytest

from rules.deployment.card_entry import render_card_entry
from rules.deployment.payments_member import render_payments
from rules.deployment.query_tool import render_query_tool
from rules.deployment.receptionist import render_receptionist, render_trial
from rules.deployment.rendering import Clinic, File
from rules.deployment.squad import Member, render_squad
from tests.stand_ins.vapi_shapes import FOLDER, SPEC, spec, strict

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
    "receptionist with a calendar": (
        "CreateAssistantDTO",
        render_receptionist(replace(CLINIC, has_calendar=True), "tool-1"),
    ),
    "in Spanish": ("CreateAssistantDTO", render_receptionist(replace(CLINIC, language="es"))),
    "payments": ("CreateAssistantDTO", render_payments(CLINIC)),
    "payments in Spanish": (
        "CreateAssistantDTO",
        render_payments(replace(CLINIC, language="es")),
    ),
    "trial": ("CreateAssistantDTO", render_trial(CLINIC)),
    "squad with card entry": (
        "CreateSquadDTO",
        render_squad(
            Member("a-1", "tag-1", "v1"), Member("a-2", "tag-2", "v1"), render_card_entry(CLINIC)
        )
        | {"name": "tag-3"},
    ),
    "squad": ("CreateSquadDTO", SQUAD | {"name": "tag-3"}),
}
# fields that Vapi's guide to query tools sends and its DTO lacks
DOCUMENTED = {"CreateQueryToolDTO": {"function": {"$ref": "#/components/schemas/OpenAIFunction"}}}


@pytest.fixture(scope="module")
def document():
    published = spec()
    for name, properties in DOCUMENTED.items():
        published["components"]["schemas"][name]["properties"] |= properties
    return published


def errors_of(document, name, body):
    errors = strict(document, {"$ref": f"#/components/schemas/{name}"}).iter_errors(body)
    return [f"{list(error.instance_path)}: {error.message[:300]}" for error in errors]


@pytest.mark.parametrize("what", BODIES)
def test_each_rendered_body_has_the_published_shape(document, what):
    name, body = BODIES[what]
    assert errors_of(document, name, body) == []


def test_a_body_of_another_shape_fails_the_check(document):
    """Given a value, number, field or length that Vapi does not allow, then this check fails."""
    for change in (
        {"firstMessageMode": "whenever"},
        {"maxDurationSeconds": 5},
        {"silenceTimeout": 5},
        {"name": "x" * 41},
    ):
        body = copy.deepcopy(BODIES["receptionist"][1]) | change
        assert errors_of(document, "CreateAssistantDTO", body), change
