"""Where Twilio sends a number's texts and calls. An import into Vapi must not divert its texts:
every STOP must reach us.

Each URL is its own fallback: Twilio then retries at once if the first request fails, as it does
while a database restarts, and has no other retry for that
(https://www.twilio.com/docs/usage/security/availability-reliability).
"""

from effects.kind import Json
from providers.twilio import numbers
from runtime.log import get_log
from runtime.settings import get_settings

TEXTS = "/api/webhooks/twilio/messages"
CALLS = "/api/webhooks/twilio/voice"  # until Vapi answers them

log = get_log("effects")


def text_webhook() -> str:
    """The URL to which Twilio posts texts to our numbers."""
    return f"{get_settings().public_url}{TEXTS}"


def text_webhooks() -> dict[str, str]:
    """The Twilio settings of a number whose texts come to us."""
    return {"sms_url": text_webhook(), "sms_fallback_url": text_webhook()}


def call_webhooks() -> dict[str, str]:
    """The Twilio settings of a number whose calls come to us."""
    url = f"{get_settings().public_url}{CALLS}"
    return {"voice_url": url, "voice_fallback_url": url}


def texts_reach_us(number: Json) -> bool:
    """Whether a number, as read from Twilio, sends its texts to us. A messaging application would
    take precedence over the URL.
    """
    return number["sms_url"] == text_webhook() and not number["sms_application_sid"]


def restore_text_webhook(twilio_sid: str) -> None:
    """Read a number at Twilio, and restore our URLs if its texts were diverted. The deployment
    later checks that this has helped.
    """
    number = numbers.get_number(twilio_sid)
    if not texts_reach_us(number):
        log.error("a number's texts were diverted", sid=twilio_sid, sms_url=number["sms_url"])
    elif number["sms_fallback_url"] == text_webhook():
        return
    numbers.update_number(twilio_sid, **text_webhooks())
