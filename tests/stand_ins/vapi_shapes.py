"""Vapi's published shapes, used to write the stand-in's own file, and to check whole requests and
answers strictly.

`PAYPHONE_SPECS=… python -m tests.stand_ins.vapi_shapes` rewrites the stand-in's file.
"""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = os.environ.get("PAYPHONE_SPECS", "")
SPEC = Path(FOLDER) / "vapi_openapi.json"
FILE = Path(__file__).parents[2] / "sandbox" / "vapi" / "shapes.json"
# the shapes that the stand-in checks; a reference to another shape accepts any object
NAMES = [
    "CreateAssistantDTO",
    "UpdateAssistantDTO",
    "CreateQueryToolDTO",
    "UpdateQueryToolDTO",
    "CreateFunctionToolDTO",
    "UpdateFunctionToolDTO",
    "CreateTransferCallToolDTO",
    "CreateEndCallToolDTO",
    "CreateHandoffToolDTO",
    "CreateSquadDTO",
    "UpdateSquadDTO",
    "SquadMemberDTO",
    "CreateTwilioPhoneNumberDTO",
    "UpdateTwilioPhoneNumberDTO",
    "CreateByoPhoneNumberDTO",
    "UpdateByoPhoneNumberDTO",
    "CreateByoSipTrunkCredentialDTO",
    "UpdateByoSipTrunkCredentialDTO",
    "SipTrunkGateway",
    "CreateChatDTO",
    "CreateCallDTO",
    "CreateCustomerDTO",
    "CreateFileDTO",
    "UpdateFileDTO",
    "KnowledgeBase",
    "OpenAIFunction",
    "OpenAIFunctionParameters",
    "ToolParameter",
    "ToolRef",
    "Server",
    "BackoffPlan",
    "OpenAIModel",
    "AnthropicModel",
    "GoogleModel",
    "OpenAIMessage",
    "VapiVoice",
    "ElevenLabsVoice",
    "OpenAIVoice",
    "CartesiaVoice",
    "DeepgramVoice",
    "AzureVoice",
    "DeepgramTranscriber",
    "OpenAITranscriber",
    "HandoffDestinationAssistant",
    "TransferDestinationAssistant",
    "TransferDestinationNumber",
    "CompliancePlan",
    "ArtifactPlan",
    "MonitorPlan",
    "StopSpeakingPlan",
    "StartSpeakingPlan",
    "AnalysisPlan",
    "KeypadInputPlan",
    "VapiVoicemailDetectionPlan",
    "ClientInboundMessageAddMessage",
    "ClientInboundMessageEndCall",
]
KEPT = ("maxLength", "minLength", "minimum", "maximum")
Json = dict[str, Any]


def spec() -> Json:
    return dict(json.loads(SPEC.read_text("utf-8")))


def name_of(reference: str) -> str:
    return reference.rsplit("/", 1)[1]


def field(schema: Json, chosen: set[str]) -> Json:
    """Convert a field to the format of the stand-in's file."""
    if "allOf" in schema:
        return field(schema["allOf"][0], chosen)
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return {"ref": name} if name in chosen else {"type": "object"}
    if "oneOf" in schema:
        several = [field(each, chosen) for each in schema["oneOf"]]
        known = [each for each in several if each != {"type": "object"}]
        return {"any": known} if known else {"type": "object"}
    return _plain(schema, chosen)


def _plain(schema: Json, chosen: set[str]) -> Json:
    words = schema.get("enum") if schema["type"] != "array" else None
    # the specification types some enums of strings as objects
    kind: Json = {"type": "string" if words and isinstance(words[0], str) else schema["type"]}
    if words:
        kind["enum"] = words
    if "pattern" in schema:
        kind["pattern"] = schema["pattern"].strip("/")
    if "items" in schema:
        kind["items"] = field(schema["items"], chosen)
    return kind | {name: schema[name] for name in KEPT if name in schema}


def compact(document: Json, names: list[str]) -> Json:
    """Return the shapes called `names`, in the format of the stand-in's file."""
    schemas, chosen = document["components"]["schemas"], set(names)
    return {
        name: {
            "required": schemas[name].get("required", []),
            "fields": {
                key: field(value, chosen) for key, value in schemas[name]["properties"].items()
            },
        }
        for name in names
    }


def strict(document: Json, schema: Json) -> jsonschema_rs.Validator:
    """Return a validator that refuses what the specification does not name."""
    shapes = {name: _closed(each) for name, each in document["components"]["schemas"].items()}
    return jsonschema_rs.Draft202012Validator(_closed(schema) | {"$defs": shapes})


def _closed(value: Any) -> Any:
    """Convert a schema from OpenAPI 3.0 to JSON Schema, without additional properties
    for objects.
    """
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return {"$ref": f"#/$defs/{name_of(value['$ref'])}"}
    made = {key: _closed(each) for key, each in value.items() if key != "discriminator"}
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")  # the alternatives overlap without the discriminator
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return _mended(made)


def _mended(made: Json) -> Json:
    """Correct what the specification writes wrongly."""
    if isinstance(made.get("pattern"), str):
        made["pattern"] = made["pattern"].strip("/")
    if made.get("type") == "array":
        made.pop("enum", None)  # it is meant for the items
    words = made.get("enum")
    if isinstance(words, list) and words and isinstance(words[0], str):
        made["type"] = "string"
    if made.get("nullable") is True:
        return {"anyOf": [{key: made[key] for key in made if key != "nullable"}, {"type": "null"}]}
    return made


def written(shapes: Json) -> str:
    """Format the stand-in's file, one field per line."""
    texts = []
    for name, shape in shapes.items():
        fields = ",\n".join(
            f"      {json.dumps(key)}: {json.dumps(kind)}" for key, kind in shape["fields"].items()
        )
        required = json.dumps(shape["required"])
        texts.append(
            f'  {json.dumps(name)}: {{\n    "required": {required},\n'
            f'    "fields": {{\n{fields}\n    }}\n  }}'
        )
    return "{\n" + ",\n".join(texts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(written(compact(spec(), NAMES)), "utf-8")
