"""A number's texts, which an import into Vapi must not take: who sends STOP has to reach us."""

from effects.kind import Json
from providers.twilio import numbers
from runtime.log import get_log
from runtime.settings import get_settings

TEXTS = "/api/webhooks/twilio/messages"

log = get_log("effects")


def text_webhook() -> str:
    """Where Twilio brings us the texts to a number of ours."""
    return f"{get_settings().public_url}{TEXTS}"


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
    if texts_reach_us(number):
        return
    log.error("a number's texts went elsewhere", sid=twilio_sid, sms_url=number["sms_url"])
    numbers.update_number(twilio_sid, sms_url=text_webhook())
