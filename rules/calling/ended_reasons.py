"""What each of Vapi's `endedReason` values means: one table, first match wins.

Vapi has hundreds of these values, most for the failure of one of its many suppliers, so whole
families are classified by a pattern. A value that matches nothing is left for a person to review.
"""

import re
from dataclasses import dataclass

NOT_PLACED = "not_placed"
BROKE_OFF = "broke_off"
FORWARDED = "assistant-forwarded-call"  # the caller was connected with a person
# not Vapi's: staff say that the call is over, or that they made it themselves
BY_HAND, MADE_BY_HAND = "ended-by-hand", "made-by-hand"


@dataclass(frozen=True, slots=True)
class Ended:
    """What an ended reason means. `outcome` is one of the policy's; empty if the reason is unknown.

    `again`: no phone can have rung, so the same request may be decided again at once; this can only
    be said of a call that ended before it began. `advice`: what a person must fix before that;
    empty if nothing.
    """

    outcome: str
    again: bool = False
    advice: str = ""


UNKNOWN = Ended(
    "", advice="Vapi ended the call in a way that is not known here. Read what was said in it."
)
_ACCOUNT = "Check the Vapi organization's plan, credits and limits; until then no call is placed."
_SETUP = "The clinic's assistants or number are not usable at Vapi. Deploy the account again."
_TRUNK = "The clinic's phone system refuses calls from us. Compare its SIP settings."
_NUMBER = "The number does not exist, or cannot be called. Ask the person for another one."

# the first pattern that matches the whole value wins
_TABLE: tuple[tuple[str, Ended], ...] = (
    # people
    ("customer-busy|vonage-rejected", Ended("busy")),
    ("customer-did-not-answer", Ended("no_answer")),
    ("voicemail", Ended("voicemail")),
    ("customer-ended-call|vonage-completed|vonage-disconnected", Ended("hung_up")),
    (r"customer-ended-call-(before|after|during)-.*", Ended("spoke")),
    ("silence-timed-out", Ended("silent")),
    ("customer-did-not-give-microphone-permission", Ended("silent")),
    ("twilio-reported-customer-misdialed", Ended("dead_line", advice=_NUMBER)),
    # the assistant, or we
    (r"assistant-(ended-call.*|said-end-call-phrase|forwarded-call)", Ended("spoke")),
    ("exceeded-max-duration", Ended("spoke")),
    (f"manually-canceled|call-deleted|{BY_HAND}|{MADE_BY_HAND}", Ended("in_doubt")),
    (r"call\.in-progress\.(twilio|sip)-completed-call", Ended("hung_up")),
    (r"call\.forwarding\.(operator-busy|no-answer)", Ended("spoke")),
    (r"call\.in-progress\.error-(transfer-failed|warm-transfer-.*)", Ended("spoke")),
    (r"call\.(ringing|ending)\.hook-executed-(say|transfer)", Ended("spoke")),
    # never placed
    (
        r"call\.start\.error-subscription-concurrency-limit-reached",
        Ended(NOT_PLACED, again=True),
    ),
    (
        r"call\.start\.error-(subscription-.*|vapi-number-.*|fraud-check-failed|enterprise-.*)",
        Ended(NOT_PLACED, advice=_ACCOUNT),
    ),
    (r"call\.start\.error-vapifault-.*", Ended(NOT_PLACED, again=True)),
    (r"call\.start\.(error-get-|assistant-version-).*", Ended(NOT_PLACED, advice=_SETUP)),
    (
        r"call-start-error-neither-.*|assistant-(not-valid|not-found|request-.*)",
        Ended(NOT_PLACED, advice=_SETUP),
    ),
    ("scheduled-call-deleted", Ended(NOT_PLACED)),
    ("phone-call-provider-bypass-enabled-but-no-call-received", Ended(NOT_PLACED, advice=_SETUP)),
    ("twilio-failed-to-connect-call|vonage-failed-to-connect-call", Ended(NOT_PLACED)),
    (
        r"call\.in-progress\.error-providerfault-outbound-sip-(403|407)-.*",
        Ended(NOT_PLACED, advice=_TRUNK),
    ),
    (
        r"call\.in-progress\.error-providerfault-outbound-sip-(408|480)-.*",
        Ended("no_answer"),
    ),
    (r"call\.ringing\.sip-inbound-caller-hungup-before-call-connect", Ended("hung_up")),
    # the call broke off; it might have been answered, so it counts as answered
    ("assistant-join-timed-out|worker-shutdown", Ended(BROKE_OFF)),
    ("phone-call-provider-closed-websocket", Ended(BROKE_OFF)),
    (r"call\.in-progress\.error-assistant-did-not-receive-customer-audio", Ended("silent")),
    (r"call\.in-progress\.error-(vapifault|providerfault|pipeline)-.*", Ended(BROKE_OFF)),
    (r"call\.(in-progress|ringing)\.error-sip-.*-failed-to-connect", Ended(BROKE_OFF)),
    (r"pipeline-error-.*", Ended(BROKE_OFF)),
)
_PATTERNS = tuple((re.compile(pattern), meaning) for pattern, meaning in _TABLE)


def meaning_of(ended_reason: str) -> Ended:
    """Classify an ended reason; `UNKNOWN` if no pattern matches."""
    return next(
        (meaning for pattern, meaning in _PATTERNS if pattern.fullmatch(ended_reason)), UNKNOWN
    )
