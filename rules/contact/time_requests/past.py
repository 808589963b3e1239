"""Which times are in the past, by the words around them: "I have been waiting for 3 weeks" names no
future time, "I was ill, call me in 3 weeks" does.

Unless the words say that a time is over, it counts as in the future: one contact too few harms
nobody.
"""

import re

from rules.contact.time_requests.absence import is_absence_before
from rules.contact.time_requests.days import Match
from rules.contact.time_requests.durations import YEARS

_BEEN = (  # but not "was told", "was scheduled" and the like, which announce something
    r"(?:been|was|were)(?! (?:told|asked|advised|scheduled|given|promised|going|gonna|supposed"
    r"|hoping|planning|thinking|wondering|put|placed|ordered|sent|sentenced|assigned|prescribed"
    r"|moved|rescheduled|pushed|postponed|changed|booked|set|deployed|stationed|called up"
    r"|furloughed|suspended|grounded|admitted|committed)\b)"
)
_PAST = re.compile(
    rf"\b(?:{_BEEN}"
    r"|(?:tried|trying)(?: to \w+)?|waited|waiting|called"
    r"|calling|texted|texting|heard|worked"
    r"|(?:have|has|ve|haven|hasn|havent|hasnt)(?: t| not| never)?"
    r" (?:had|seen|lived|visited|received|paid|owed|used|known)"
    r"|estado|estuve|estaba|esperado|esperando|llevo|llamado|llamando|veces)\b"
)
_FUTURE = re.compile(
    r"\b(?:call|text|contact|phone|ring|write|message|email|talk|speak|try|wait|ask|remind|give"
    r"|will"
    r"|ll|can|could|would|should|need|must|want|until|till?"
    r"|(?:have|has|got|going|gonna|about) to|gonna"
    r"|to (?:come|return|be|go|pay|see|work|stay|rest|recover)"
    r"|llam\w+|escrib\w+|contact\w+|habl\w+|marqu\w+|intent\w+|puedo|pueden?|voy|hasta|debo"
    r"|tengo que"
    r"|estare|esper(?:e|en|ar|eme)|regres\w+|vuelv\w+)\b"
)
# "I was in an accident and am recovering for 3 months": the present, not the past
_STILL = re.compile(
    r"\b(?:i m|im|i am|am|we re|we are|(?:he|she|they)(?: is| are| s| re)|is now|now|estoy|estamos"
    r"|esta|sigo|recovering|resting|healing|recuperandome|bed ?rest|reposo|on (?:\w+ )?leave)\b"
)
_PAST_BEHIND = re.compile(
    r" (?:ago\b|(?:i|we)(?: ve| have| had)? (?:been|waited|called|tried)\b"
    r"|(?:he|hemos|llevo|llevamos) (?:estado|esperado|esperando|llamado)\b)"
)
_PAST_DAY = re.compile(
    r"\b(?:(?:last|since|desde)(?: the| el| la)?|i (?:have |ve |already |just )?"
    r"(?:called|texted|emailed|paid|came|wrote|visited|went)"
    r"(?: (?:you|in|back|again|there|it|here))?(?: on| this| last)?"
    r"|(?:was|were|happened|occurred|fue|ocurrio)(?: back)?(?: on| in| el)?) $"
)
_PAST_DAY_BEHIND = re.compile(r" pasad[oa]\b")
# past events, and things that a date may belong to: a bill, "my surgery"
_WAS = re.compile(
    rf"\b(?:{_BEEN}|had(?! to\b)|did|went|got|came|lost|estuv\w+|estaba|fui|tuv\w+|operaron"
    r"|internaron)\b"
)
_OF_IT = re.compile(
    r"\b(?:since|about(?= (?:the|my|our|an?|this)\b)|regarding|concerning|bill|invoice|charges?"
    r"|balance|statement|visit|my|the|\w+aron|\w+ieron|fue|desde|sobre|factura|cuenta|cargo"
    r"|visita)\b"
)
_WILL = re.compile(
    r"\b(?:will|ll|going|gonna|be|back|return\w*|start\w*|better|am|m|im|are|re|is|s|have|has"
    r"|having|can|can ?not|cant|could"
    r"|won t|wont|not|don t|dont|no|until|till?|hasta|estoy|estar\w+|estamos|esta|voy|vamos|tengo"
    r"|tenemos|me operan)\b"
)
# the day of a card, an insurance, a bill or a birthday: not a requested one
_OF_ANOTHER = re.compile(
    r"\b(?:paid(?= (?:up )?(?:through|thru|until|till)\b)|active|cover(?:s|ed|age)?|valid"
    r"|effective|insured|expir\w+|turn(?:s|ing)? \d+|due"
    r"|venc\w+|vigente|cubiert[oa]|activ[oa]|cumplo \d+)(?: (?:me|us|until|till?|through|thru|in|on"
    r"|by|from|the|el|en|hasta|up to|is|date))* $"
)
_ASKED = re.compile(r"\b(?:until|till?|hasta|not|n t|dont|don t|after|when|once|cuando|despues)\b")
_WAS_BEHIND = re.compile(r"\b(?:was|were|got|did|fue|estuvo|went)\b")
_BECAUSE = re.compile(r" (?:is|s|are|will|es)\b")  # "since Friday is my payday"
# states that last for years: "a patient for 20 years"
_STATES = re.compile(
    r"\b(?:patients?|clients?|customers?|members?|friends?|loyal|married|divorced|widowed|single"
    r"|sober|retired|disabled|unemployed|jobless|liv(?:e|es|ed)|know|known|knew|own|owns|owned"
    r"|pay|pays|paid|come|comes|came|coming|go|goes|went|see|sees|saw|seen|use|uses|used"
    r"|have|has|had|with (?:you|them|this|your)|there|this (?:number|phone)|good standing|insured"
    r"|served|dead|pacientes?|clientes?|casad[oa]|divorciad[oa]|viud[oa]|jubilad[oa]|desemplead[oa]"
    r"|vivo|vive|vivimos|conozco|tuve|tenia|vengo|venimos|pagando|pague|aqui)\b"
)
_TO_COME = re.compile(r"\b(?:no|not|never|stop|dont|don t|leave (?:me|us)|mas|more|another|otro)\b")


def is_past_duration(clause: str, found: Match) -> bool:
    """Whether a length of time lies in the past, e.g. how long the person has waited or been a
    patient, rather than a time they ask for.
    """
    lead = clause[: found.start()]
    if _FUTURE.match(found[0]):
        return False
    for gone in _PAST.finditer(lead):
        if not (_FUTURE.search(lead, gone.end()) or _STILL.search(lead, gone.end())):
            return True
    if _FUTURE.search(lead):
        return False
    return _PAST_BEHIND.match(clause[found.end() :]) is not None or _is_state(lead, found)


def _is_state(lead: str, found: Match) -> bool:
    """Whether years say how long something has been so, e.g. how long someone has been a
    patient.
    """
    if not re.search(rf"\b(?:{YEARS})\b", found[0]) or not re.match(
        r"(?:for|por|durante)\b", found[0]
    ):
        return False
    return _STATES.search(lead) is not None and not (
        is_absence_before(lead) or _TO_COME.search(lead)
    )


def is_past_day(lead: str, behind: str) -> bool:
    """Whether a day named between these words is in the past."""
    if is_absence_before(lead) and _FUTURE.search(lead):
        return False  # "I will be away since Friday"
    if _PAST_DAY_BEHIND.match(behind):
        return True
    return _PAST_DAY.search(lead) is not None and not _BECAUSE.match(behind)


def is_day_of_past_event(lead: str) -> bool:
    """Whether a day belongs to a past event, and nothing in the words points to the future."""
    was = max((found.end() for found in _WAS.finditer(lead)), default=0)
    is_after = any(words.search(lead, was) for words in (_FUTURE, _STILL, _WILL))
    return was > 0 and not is_after


def is_future_absence(lead: str, behind: str) -> bool:
    """Whether a day of absence that could also be one of last year is in the future: "I'm away in
    June" is; "I had surgery in June" and "about my surgery in June" are not.
    """
    is_said = _WILL.search(lead) is not None or _OF_IT.search(lead) is None
    return is_said and not (is_day_of_past_event(lead) or _WAS_BEHIND.search(behind))


def is_other_date(lead: str) -> bool:
    """Whether a day belongs to something else: "covered until December", "bill due August 3"; but
    not "don't call until it is due August 3".
    """
    found = _OF_ANOTHER.search(lead)
    return found is not None and _ASKED.search(lead[: found.start()]) is None
