"""The places at providers where something of ours can be, by provider and kind; pure."""

PLACE_NAMES = (
    "vapi.phone-number",
    "vapi.squad",
    "vapi.assistant",
    "vapi.tool",
    "vapi.file",
    "twilio.number",
    "twilio.address",
    "vapi.credential",
    "twilio.trunk",
    "twilio.login-list",
    "twilio.port",
)
