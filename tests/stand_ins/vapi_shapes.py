"""Vapi's published shapes, read for two ends: the stand-in's own file, and a strict check of whole
requests and answers.

`PAYPHONE_SPECS=… python -m tests.stand_ins.vapi_shapes` writes the stand-in's file anew.
"""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = os.environ.get("PAYPHONE_SPECS", "")
SPEC = Path(FOLDER) / "vapi_openapi.json"
FILE = Path(__file__).parents[2] / "sandbox" / "vapi" / "shapes.json"
# what the stand-in looks into; what refers to another shape may be any object
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
    """A field as the stand-in's file writes it."""
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
    # the specification calls words objects where it means one of several
    kind: Json = {"type": "string" if words and isinstance(words[0], str) else schema["type"]}
    if words:
        kind["enum"] = words
    if "pattern" in schema:
        kind["pattern"] = schema["pattern"].strip("/")
    if "items" in schema:
        kind["items"] = field(schema["items"], chosen)
    return kind | {name: schema[name] for name in KEPT if name in schema}


def compact(document: Json, names: list[str]) -> Json:
    """The shapes called `names`, as the stand-in's file has them."""
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
    """A validator that refuses what the specification does not know."""
    shapes = {name: _closed(each) for name, each in document["components"]["schemas"].items()}
    return jsonschema_rs.Draft202012Validator(_closed(schema) | {"$defs": shapes})


def _closed(value: Any) -> Any:
    """A schema of OpenAPI 3.0 as one of JSON Schema; objects with fields have no others."""
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return {"$ref": f"#/$defs/{name_of(value['$ref'])}"}
    made = {key: _closed(each) for key, each in value.items() if key != "discriminator"}
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")  # its kinds overlap once their words are read loosely
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return _mended(made)


def _mended(made: Json) -> Json:
    """What the specification writes oddly, as it is meant."""
    if isinstance(made.get("pattern"), str):
        made["pattern"] = made["pattern"].strip("/")
    if made.get("type") == "array":
        made.pop("enum", None)  # it is meant of the items
    words = made.get("enum")
    if isinstance(words, list) and words and isinstance(words[0], str):
        made["type"] = "string"
    if made.get("nullable") is True:
        return {"anyOf": [{key: made[key] for key in made if key != "nullable"}, {"type": "null"}]}
    return made


def written(shapes: Json) -> str:
    """The stand-in's file: one field a line."""
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
