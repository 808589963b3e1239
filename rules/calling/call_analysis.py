"""The outcome that the assistant records at the end of a call, as one word, and its consequences.

The word comes from a model that has listened to an unknown caller, so it never moves money and
never allows a contact: it can only make us stop, wait, or involve staff.

A plain opt-out in the transcript counts even if the model missed it: the model may call no tool and
record nothing. So does what the payments member's opening offers: to say stop, or to press nine.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
LANGUAGES = ("en", "es")


@dataclass(frozen=True, slots=True)
class Consequences:
    """The consequences of an outcome. `outcome`, unless empty, replaces the one that the end of the
    call suggests; `escalation` is opened, with its hold; `stops`: the person opts out of calls and
    texts; `is_wrong_number`: the number belongs to someone else; `later`: the person wants to be
    contacted at another time.
    """

    words: str
    outcome: str = ""
    escalation: str = ""
    stops: bool = False
    is_wrong_number: bool = False
    later: bool = False


CONSEQUENCES: dict[str, Consequences] = {
    "paid": Consequences("the assistant says that the person paid"),
    "link_sent": Consequences("the person was given the payment page"),
    "promised": Consequences("the person promised to pay"),
    "callback": Consequences(
        "the person asked to be called another time", escalation="asked_for_person", later=True
    ),
    "already_paid": Consequences("the person says that it was paid", escalation="already_paid"),
    "insurance": Consequences("the person says that their insurance pays", escalation="insurance"),
    "instalments": Consequences("the person wants to pay in parts", escalation="instalments"),
    "wants_person": Consequences(
        "the person wants to speak with somebody", escalation="asked_for_person"
    ),
    "dispute": Consequences("the person says that the bill is wrong", escalation="dispute"),
    "anger": Consequences("the person was upset", escalation="anger"),
    "confusion": Consequences("the person did not understand", escalation="confusion"),
    "hardship": Consequences("the person cannot pay", escalation="hardship"),
    "bankruptcy": Consequences("there is a bankruptcy", escalation="bankruptcy"),
    "attorney": Consequences("the person has an attorney", escalation="attorney"),
    "deceased": Consequences("the person has died", escalation="deceased"),
    "stop": Consequences("the person wants to be left alone", stops=True),
    "wrong_person": Consequences(
        "it is somebody else's number", "somebody_else", is_wrong_number=True
    ),
    "refused": Consequences("the person does not want to pay"),
    "nothing": Consequences("nothing came of it"),
}
NOTHING = CONSEQUENCES["nothing"]

_REACH = "(?:call|phone|ring|text|contact|message|bother)"
_CALLS = r"(?:phone )?(?:calls|texts)"  # a mailbox says that there are no more messages
# nothing follows that would limit the wish to a time or a place
_UNTIL = (
    r"(?:today|tonight|tomorrow|until|till|for (?:a|the|now)|on \w+day|at (?:work|night|home)"
    r"|this (?:week|month|year|early|late|morning|afternoon|evening))\b"
)
_AGAIN = rf" (?:again|any ?more)\b(?! {_UNTIL})"
_ENDS = (
    r"(?=(?: please| from (?:you(?: guys| people| all)?|(?:this|your) \w+))?(?:[.,!?]|$)"
    rf"|{_AGAIN})"
)
# how a request begins, as opposed to a report of what happened
_ASKS = r"(?:^|[.,!?] |\b(?:please|want|said|okay|ok|can you|could you|you to) )(?:just |please )?"
_OPT = r"(?<!n't )(?<!not )(?<!never )(?<!n't want to )(?<!not want to )(?<!did you )opt"
_CONTACT = (  # what one opts out of
    r"(?:(?:these|your|the|all|any) (?:\w+ )?(?:calls?|texts?)\b"
    r"|(?:(?:all (?:of )?)?(?:this|that|it)|everything)(?=[.,!?]|$))"
)
_OPT_OUT = re.compile(
    r"\b(?:stop|quit) (?:call|phon|ring|text|contact|messag|bother|harass)ing\b"
    rf"|\bnever {_REACH} (?:me|us|here)\b"
    rf"|\b(?:don't|do not)(?: you)?(?: ever)? {_REACH} (?:me|us|here|this number|my phone)"
    rf"(?=(?: again| any ?more| ever(?: again)?| please)?[.,!?]|$|{_AGAIN})"
    r"|\b(?:take|remove) (?:me|us|my (?:name|number|phone number)) (?:off|from)"
    r" (?:your|this|that|the) (?:\w+ ){0,2}(?:lists?|system|records|database)\b"
    r"|\b(?:your|the) do[- ]not[- ]call list\b"
    rf"|\b{_OPT} (?:me|us) out\b(?! of (?!{_CONTACT}))|\b{_OPT} out of {_CONTACT}"
    r"|(?<!if )\bi(?: want to|'d like to| would like to) opt out[.!]*$"
    rf"|\bleave (?:me|us) alone\b(?! {_UNTIL})"
    rf"|{_ASKS}(?:lose|delete|erase) my (?:phone )?number\b"
    rf"|(?:{_ASKS}no more|\b(?:don't|do not) want(?: any)? more) {_CALLS}{_ENDS}"
    rf"|\b(?:don't|do not) want to be (?:called|texted|contacted){_ENDS}"
    r"|\bno quiero (?:más|recibir más) (?:llamadas|mensajes)"
    r"(?=[.,!]|$| de (?:usted|ustedes|este|esta|su|parte)\b)"
    r"|\bno (?:(?:me|nos) )?vuelvan? a (?:llamar|escribir)(?:me|nos)?(?=[.,!]|$)"
    r"|\bd[eé]jen?(?:me|nos) en paz\b"
    r"|\bno (?:me|nos) (?:llamen?|llames|escriban?|molesten?)(?= más| nunca| otra vez|[.,!]|$)"
    r"|\bdejen? de (?:llamar|escribir|molestar)(?:me|nos)\b",
    re.IGNORECASE,
)

STOP_KEY = "9"
# Vapi writes keys into the transcript as the person's words:
# https://docs.vapi.ai/documentation/assistants/conversation-behavior/keypad-input-settings
_STOP_KEY_PRESSED = re.compile(rf"User's Keypad Entry: {STOP_KEY}[#*]?\s*", re.IGNORECASE)
_STOP_OFFERED = re.compile(r"^AI: .*\b(?:say stop|diga alto)\b", re.MULTILINE | re.IGNORECASE)
# nothing but the word
_STOP_SAID = re.compile(
    r"(?:(?:no|please|por favor|i said|ok|okay)[,. ]+)*(?:stop|alto)(?: it)?"
    r"(?:[.,! ]+(?:(?:stop|alto)(?: it)?|please|por favor))*[.! ]*",
    re.IGNORECASE,
)

# for the assistant's `analysisPlan.structuredDataPlan.schema`
SCHEMA: Json = {
    "type": "object",
    "properties": {
        "outcome": {
            "type": "string",
            "enum": sorted(CONSEQUENCES),
            "description": "The one that fits best: "
            + "; ".join(
                f"{word}: {follows.words}" for word, follows in sorted(CONSEQUENCES.items())
            )
            + ".",
        },
        "language": {"type": "string", "enum": list(LANGUAGES)},
    },
    "required": ["outcome"],
}


def read_analysis(document: Any) -> Json:
    """Keep only known values of a structured outcome."""
    if not isinstance(document, dict):
        return {}
    outcome, language = document.get("outcome"), document.get("language")
    known = {"outcome": outcome} if isinstance(outcome, str) and outcome in CONSEQUENCES else {}
    return known | ({"language": language} if language in LANGUAGES else {})


def consequences_of(
    said: Json | None,
    transcript: str = "",
    *,
    is_outbound: bool = False,
    is_verified: bool = False,
    is_over: bool = True,
) -> Consequences:
    """The consequences of the recorded outcome, and of an opt-out in the transcript of a call that
    we placed or not, in which the person was verified or not, and that is over or goes on.
    """
    follows = CONSEQUENCES.get((said or {}).get("outcome", ""), NOTHING)
    lines = [
        line.replace("\u2019", "'")
        for line in re.findall(r"^User: (.*)$", transcript, re.MULTILINE)
    ]
    bare = lines if is_outbound or _STOP_OFFERED.search(transcript) else []
    if is_verified:  # in the middle of a conversation the word may be about something else
        bare = bare[-1:] if is_over else []
    stops = any(map(_opts_out, lines)) or any(map(_STOP_SAID.fullmatch, bare))
    return replace(follows, stops=True) if stops else follows


def _opts_out(line: str) -> bool:
    """Whether the person opts out in unmistakable words, or by the key. Objecting to a time, a
    place or a channel does not count.
    """
    return bool(_OPT_OUT.search(line) or _STOP_KEY_PRESSED.fullmatch(line))
