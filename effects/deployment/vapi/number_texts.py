"""Where a number's texts and calls go. An import into Vapi must not take its texts: who sends STOP
has to reach us.

Each address is its own fallback: Twilio tries again at once what was answered with an error, as
while a database is restarted, and has no other second try for that
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
    """Where Twilio brings us the texts to a number of ours."""
    return f"{get_settings().public_url}{TEXTS}"


def text_webhooks() -> dict[str, str]:
    """The settings of a number whose texts come to us."""
    return {"sms_url": text_webhook(), "sms_fallback_url": text_webhook()}


def call_webhooks() -> dict[str, str]:
    """The settings of a number whose calls come to us."""
    url = f"{get_settings().public_url}{CALLS}"
    return {"voice_url": url, "voice_fallback_url": url}


def texts_reach_us(number: Json) -> bool:
    """Whether a number, as Twilio has it, brings its texts to us; an application would win over the
    address.
    """
    return number["sms_url"] == text_webhook() and not number["sms_application_sid"]


def keep_texts(twilio_sid: str) -> None:
    """Read a number back at Twilio, and point its texts at us again should somebody have taken
    them. Whoever goes live asks once more whether that has helped.
    """
    number = numbers.get_number(twilio_sid)
    if not texts_reach_us(number):
        log.error("a number's texts went elsewhere", sid=twilio_sid, sms_url=number["sms_url"])
    elif number["sms_fallback_url"] == text_webhook():
        return
    numbers.update_number(twilio_sid, **text_webhooks())
