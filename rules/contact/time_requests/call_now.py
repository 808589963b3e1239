"""Whether the person asks to be called now, whatever other times they name: "call me now, I have
surgery on Friday"; but not "call me as soon as you can on Friday".
"""

import re
from collections.abc import Callable

from rules.contact.time_requests.absence import REFUSING, is_absence_before
from rules.contact.time_requests.days import MONTHS, WEEKDAYS
from rules.contact.time_requests.durations import UNIT

NOW = re.compile(
    r"\b(?:(?:right )?now|asap|as soon as (?:you can|possible)|right away|immediately"
    r"|ahor(?:a|ita)(?: mismo)?|cuanto antes|lo antes posible|ya mismo|de inmediato"
    r"|inmediatamente)\b"
)
TO_BE_CALLED = re.compile(
    r"\b(?:call|text|phone|ring|contact|speak|talk|callback|llam\w+|habl\w+|marqu\w+|contact\w+)\b"
)
_REFUSED_BEFORE = re.compile(rf"\b{REFUSING}\b|\bno\b")
_REFUSED_BEHIND = re.compile(r" (?:no|not)\b")
# a request that still counts in a text that asks for a call now
_OTHER_WISH = re.compile(
    r"\b(?:wait|until|till?|hasta|give (?:me|us)|not before|esper\w+|never|nunca)\b"
)
# words that make up a time; any other word begins a reason
_TIME_WORDS = re.compile(
    r"(?:on|at|in|the|this|next|for|after|around|about|between|from|and|of|then|please|pls|plz"
    r"|early|mid|late|the"
    r"|el|la|las|los|a|al|en|por|de|del|despues|dentro|proxim[oa]|que|viene|day|end|an|un|una"
    r"|couple"
    r"|few|some|other|time|first|thing|\d+(?:st|nd|rd|th)?|\d+(?::\d\d)?(?: ?[ap]m)?"
    r"|\d+/\d+(?:/\d+)?|am|pm|noon"
    r"|lunch|lunchtime|work|school|morning|afternoon|evening|night|tonight|today|tom+or+ows?|tmrw?"
    r"|tmrow|tmw|2mor+ow?"
    r"|later|soon|weekend|weekends|manana|tarde|noche|hoy|mas|luego|pasado|fin|holidays|christmas"
    r"|thanksgiving"
    rf"|{UNIT}|{WEEKDAYS}|{MONTHS})(?: |$)"
)
_AND_SO_ON = re.compile(
    r"\b(?:or|o|y|to|through|thru|within|not|no|maybe|another|more|least|so|two|three|four|five|six"
    r"|dos|tres|cuatro|cinco|seis|medio|half|thanks?|gracias|proximos|proximas|20\d\d) "
)
# begins a restriction on the requested call: "asap but not before 3", "now, no, call me on
# Friday", "right away when you open on Monday"
_LIMIT = re.compile(
    rf"\b(?:but|pero|sino|once|when(?! you (?:get|can|see|read|receive|have)\b)|cuando(?! pueda)"
    rf"|{REFUSING}|no)\b|{TO_BE_CALLED.pattern}"
)
_NOT_BEFORE = re.compile(r"\b(?:before|until|till?|antes|hasta)\b")
_NO = re.compile(r"(?:(?:no|nope|wait|sorry|actually|never mind|nevermind|perdon|mejor)(?: |$))+")
_WHEN_THERE = re.compile(
    r"\b(?:home|back|free|available|off|return\w*|once|when|then|wait|until|till?|hasta|cuando"
    r"|regres\w+|vuelv\w+|libre|disponible)\b"
)


def asks_for_call_now(clause: str, names_time: Callable[[str], bool]) -> bool:
    """Whether a clause asks for a call now and for no other time. `names_time` says whether some
    words name a time.
    """
    return any(_is_for_now(clause, found, names_time) for found in NOW.finditer(clause))


def clauses_to_read(clauses: list[str], names_time: Callable[[str], bool]) -> list[str]:
    """The clauses of a text left to interpret: all of them, unless the text asks for a call now;
    then only other requests, without reasons.
    """
    kept = []
    is_at_once = False
    for clause in clauses:
        if asks_for_call_now(clause, names_time):
            is_at_once = True
            behind = [clause[found.end() :] for found in NOW.finditer(clause)][-1]
            if _REFUSED_BEFORE.search(behind) and TO_BE_CALLED.search(behind):
                kept.append(behind)  # "call me now and not tomorrow", "... don't call on Friday"
        else:
            kept.append(clause)
    if not is_at_once:
        return kept
    return [
        each
        for each in kept
        if TO_BE_CALLED.search(each) or _OTHER_WISH.search(each) or is_time_alone(each)
    ]


def _is_for_now(clause: str, found: re.Match[str], names_time: Callable[[str], bool]) -> bool:
    lead, behind = clause[: found.start()], clause[found.end() :]
    if is_refused(lead, behind):
        return False
    calls = [*TO_BE_CALLED.finditer(lead)]
    if calls:
        before, between = lead[: calls[-1].start()], lead[calls[-1].end() :]
        follows = behind
    else:
        first = TO_BE_CALLED.search(behind)
        if first is None or is_absence_before(lead):
            return False
        before, between = lead, behind[: first.start()]
        follows = re.sub(r"^ (?:me|us|back|again|please|nos)\b", "", behind[first.end() :])
    is_other = names_time(between) or names_time(_time_at_the_start(follows))
    is_other = is_other or _is_limited(follows, names_time)
    return not is_other and not (names_time(before) and _is_when_there(before))


def _is_limited(follows: str, names_time: Callable[[str], bool]) -> bool:
    """Whether the words that follow, up to another "now", move the call to another time. Naming a
    day on which the person must not be called does not.
    """
    again = NOW.search(follows)
    said = follows if again is None else follows[: again.start()]
    found = _LIMIT.search(said)
    if found is None:
        return False
    rest = said[found.start() :]
    is_besides = (
        _REFUSED_BEFORE.search(rest) and TO_BE_CALLED.search(rest) and not _NOT_BEFORE.search(rest)
    )
    return not is_besides and names_time(rest)


def is_revoked(clause: str, names_time: Callable[[str], bool]) -> bool:
    """Whether a clause next to a request to be called now revokes it, or only names another
    time.
    """
    is_other = is_time_alone(clause) and names_time(clause)
    return is_other or _NO.fullmatch(clause) is not None


def is_refused(lead: str, behind: str) -> bool:
    """Whether "now" between these words is when the person must not be called."""
    return _REFUSED_BEFORE.search(lead) is not None or _REFUSED_BEHIND.match(behind) is not None


def _time_at_the_start(words: str) -> str:
    place = 1 if words.startswith(" ") else 0
    while found := _TIME_WORDS.match(words, place):
        place = found.end()
    return words[:place]


def is_time_alone(plain: str) -> bool:
    """Whether plain words consist of a time only."""
    left = _AND_SO_ON.sub("", plain + " ")
    return _time_at_the_start(left).strip() == left.strip()


def _is_when_there(before: str) -> bool:
    """Whether a time before the request is the time of the call: "on Friday call me as soon as you
    can", "I am home on Friday, call me as soon as you can".
    """
    is_time_alone = _time_at_the_start(before).strip() == before.strip()
    return is_time_alone or _WHEN_THERE.search(before) is not None
