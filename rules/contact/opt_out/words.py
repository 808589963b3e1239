"""What an inbound text asks for: to stop, to start again, for help, or none of these.

Keywords are those of carriers and of 47 CFR 64.1200(a)(10), compared with the whole text. A plain
opt-out in free text counts as well ("any reasonable means"), and so does anything that forbids
collecting by text, from any sender: a death, a bankruptcy, an attorney, a disputed debt, a wrong
number. An ambiguous text counts as an opt-out: one text too few harms nobody.

So the word `stop` is an opt-out wherever it occurs, unless the words around it give it another
meaning (`_HARMLESS`): a visit, a payment stopped at the bank, "don't stop". These are matched
sentence by sentence, because "Please stop. By the way, I paid" is an opt-out.

People do not write as keyword lists expect: look-alike letters (`lookalikes.py`), typos and
run-together words (`spelling.py`), other languages (`languages.py`) and emoji are opt-outs as well.
START is the opposite: it allows texts again, so it counts only as carriers accept it. Sources,
besides the law: Twilio's and AWS's keywords, the default list of Spoke (MoveOnOrg/Spoke,
auto-optout) and its thread #1016, Braze's fuzzy opt-out (a neighbouring key, a part of the text).
"""

import re
import unicodedata
from typing import Literal

from rules.contact.opt_out.languages import SPANISH_DEVICE_DIED, says_stop_in_another_language
from rules.contact.opt_out.lookalikes import plain_letters
from rules.contact.opt_out.spelling import corrected, joins_to

Keyword = Literal["stop", "start", "help", ""]

STOP = frozenset(
    {
        "stop",
        "stopall",
        "stop all",
        "quit",
        "end",
        "revoke",
        "opt out",
        "optout",
        "cancel",
        "unsubscribe",
        "remove",  # with ARRET and TD: AWS End User Messaging, US and Canada
        "arret",
        "td",
    }
)
START = frozenset({"start", "unstop", "comenzar", "empezar"})
HELP = frozenset({"help", "info", "ayuda"})

_POLITE = (
    r"(?:please|pls|plz|kindly|now|already|it|this|that|these|thanks|thank"
    r" you|ok|okay|no|hey|hi|hello|just|for good|at once|immediately|por favor|ya|gracias)"
)
_REACH = (
    r"(?:text\w*|txt\w*|messag\w*|msg\w*|sms|contact\w*|call\w*|bother\w*|harass\w*|spam\w*"
    r"|email\w*"
    r"|writ\w*|notif\w*|remind\w*)"
)
# Things that patients cancel at a clinic, as opposed to texts.
_VISIT = (
    r"(?:appointment|appt|apt|visit|cleaning|booking|reservation|order|plan|payment|autopay|check"
    r"|surgery|procedure|consult\w*|checkup|subscription box)s?"
)
_ENDING = (
    r"(?:quit|cease|halt|cancel|revoke|end|discontinue|terminate|suspend)"
    rf"(?! (?:\w+ ){{0,2}}{_VISIT}\b)(?! by\b)(?! in\b)(?! of\b)"
)
_ALONE = (
    r"(?:quit|cease|end|halt|cancel|revoke|enough|unsubscribe|remove|discontinue|terminate"
    r"|(?:that s|thats|that is) enough|suspend|abort|exit|block|blocked|delete|mute|spam|leave|out"
    r"|off|take off|rmv"
    r"|reported|scam|harassment|goodbye|good bye|do not disturb|dnd|dnc|shut up|shut it|fu|f u"
    r"|screw you|get lost|buzz off|bug off|back off|piss off|go to hell"
    r"|(?:cancel|end|quit|remove|delete|block) (?:all|everything|me|us)|stahp|arret)"
)
_MINE = (
    r"(?:me|us|mine|this (?:number|phone|cell)"
    r"|my (?!card|credit|debit|bank|payment|billing|insurance)(?:\w+ ){0,2}?"
    r"(?:number|numbers|name|phone|cell|contact|contacts|info|information|details|data))"
)
_OF_PAYING = r" (?:of |from |the |my |your )*(?:auto ?pay\w*|payment|paperless|plan|billing)\b"
_NOT = (
    r"(?:do not|don t|dont|never|must not|may not|no longer)"
    r"(?! (?:got|get|gotten|received|receive|had|heard)\b)"
)
_SOMEBODY = (
    r"(?:he|she|they|husband|wife|spouse|partner|mother|mom|father|dad|son|daughter|brother|sister"
    r"|patient|client|customer|person|who)"
)
# words for having died; not for passing an exam, passing out, or being dead tired
_TIME = r"(?:year|week|month|few|couple|while|day|morning|past|last|other|night|spring|summer|fall)"
PASSED = (
    r"(?:dead(?! (?:tired|beat|broke|serious|set|wrong|asleep)\b)|passed(?: on)?(?! (?:me|you|us"
    r"|him|her|his|my"
    r"|your"
    rf"|our|their|out|it|them|by|over|along|through|up|inspection|on (?:the|my|your|it)|(?:the"
    rf"|this|that|an?)(?!"
    rf" {_TIME}))\b))\b"
)
_DEVICE = r"(?:phone|cell|battery|car|truck|computer|laptop|tablet|internet|wifi|app|it|line)"
_DEBT = r"(?:debt|bill|invoice|charge|balance|account)"

# after "too many calls" or "enough contact": those of a queue, or details
_QUEUE = r"(?<! callers)(?! (?:ahead|waiting|in line|in the|info\w*|details|left)\b)"

_WISHES = [
    r"\bstop\b|\bdesist\b|\bcease\b",
    rf"^(?:{_POLITE} )*{_ALONE}(?: {_POLITE})*$",
    rf"\b{_ENDING}(?: \w+){{0,4}} {_REACH}\b|(?<!\bi )\bquit \w+ing\b",
    rf"\b(?:{_NOT}|dnt)(?: \w+){{0,2}} {_REACH} (?:me|us|this|my|again|any)\b",
    (
        rf"\b{_NOT}(?: \w+){{0,2}} (?:text|txt|message|msg|contact|call|bother|write|reply|respond)"
        r"(?: again| anymore| any more| ever| back| here| at all| please| thanks| thank you)*$"
    ),
    rf"\b{_NOT}(?: \w+){{0,2}} send (?:\w+ )?(?:{_REACH}|me|us|any\w*|these|this|those|more)\b",
    rf"\b{_NOT} (?:want|need) (?:any (?:more )?(?:of )?)?(?:this|these|those|them|anything)\b",
    rf"\b(?:want|need|get) (?:this|these|it|them|(?:the|your) {_REACH}) (?:to be )?stopped\b",
    rf"\b{_NOT} (?:want|wish|consent|agree|like)(?: \w+){{0,5}} {_REACH}\b",
    (
        rf"\bno more {_REACH}\b"
        rf"|\b(?:too many|(?<!not )enough(?: of (?:the|these|your))?) {_REACH}\b{_QUEUE}"
        rf"|^(?:{_POLITE} )*no (?:more )?{_REACH}(?: (?:me|us|to"
        rf" me|again|ever|{_POLITE}))*$"
    ),
    rf"^(?:{_POLITE} )*no more(?: of (?:this|these|that|them))?(?: {_POLITE})*$",
    (
        r"\bunsubscri\w*\b|\bopt(?:ing|ed)? (?:me )?out\b|\boptout\b|\b(?:want|let me|let us|get"
        r" me|count me) out\b"
    ),
    (
        rf"\b(?:take|get) {_MINE} (?:off|out)\b(?!{_OF_PAYING})"
        rf"|\b(?:remove|delete|erase|drop|scrub) (?!my old\b){_MINE}\b(?! from (?:the )?(?:wait"
        rf"|bill"
        rf"|invoice)|{_OF_PAYING})"
        r"|\boff (?:of )?(?:the|your|ur|this|that|all|every)(?: \w+){0,2} lists?\b"
        r"|\bremove from (?:(?!wait)\w+ ){0,3}lists?\b"
        rf"|\bdo not (?:call|contact|text) (?:list|registry)\b|\btake me off\b(?!{_OF_PAYING})"
    ),
    (
        r"(?<!bank )(?<!phone )(?<!carrier )\b(?:block|blocked|blocking|report|reporting|reported"
        r"|sue|suing) (?:you|u|ur|this"
        r" (?:number|sender))\b|\b(?:tcpa|fdcpa|lawsuit|ftc|fcc)\b"
    ),
    r"\bfuck(?:ing)? (?:you|u|this)\b|\bscrew you\b|\bgo to hell\b|\bshut (?:the \w+ )?up\b",
    (
        r"\bleave (?:me|us)(?: \w+){0,2} alone\b|\blose (?:my|this) number\b|\bgo away\b"
        r"|\b(?:fuck|piss|f) off\b|\b(?:knock it off|cut it out|enough is enough)\b"
    ),
    (
        r"\b(?:not|no longer) interested\b"
        r"|\bnever (?:signed up|subscribed|agreed|consented|asked for (?:this|these))\b"
    ),
    (
        r"\bthis is (?:just |pure )?(?:spam|harassment|a scam)\b|\breport\w*(?: \w+){0,3} (?:as"
        r" )?spam\b"
    ),
    r"^i (?:hereby |now )?(?:revoke|quit|cancel|withdraw|refuse)$|\bharass(?:ing|es) (?:me|us)\b",
    r"\b(?:not|never|don t|dont|didn t|didnt) consent(?:ed|ing)?\b",
    (
        rf"\bno further {_REACH}\b|\bnot (?:to )?be {_REACH}\b|\b(?:request|ask|demand|insist)(?:"
        rf" that)?"
        rf" (?:you|u)(?: all)? (?:not|never|do not|don t|dont) {_REACH}\b"
        rf"|\b(?:never gave|(?:did not|didn t|didnt) give|not have|don t have|dont have)(?: \w+)?"
        rf" (?:permission|consent|authorization) to {_REACH}\b|\bonly (?:e ?mail|mail) (?:me|us)\b"
        rf"|\bturn (?:these|this|it|them|(?:the|your) {_REACH}) off\b|\bleave (?:me|us) be\b"
        r"|\b(?:want|need) any ?more of (?:these|this|those|them)\b"
    ),
    r"\b(?:want|wish) to be removed\b",
    (
        rf"\b{_NOT} (?:ever )?(?:want|wish|care|need) to (?:get|receive|see)(?: any)?(?: more)?"
        r"(?: of)?(?: (?:these|those|them|this))?(?: any ?more| again| ever| please)*$"
        rf"|\b{_NOT} (?:ever )?(?:want|wish|care|need) to (?:ever )?hear from (?:you|u|ya|y all"
        r"|this|these|them)\b"
    ),
    (
        r"\b(?:did not|didn t|didnt) (?:sign up|subscribe)(?: (?:for|to) (?:this|these|it|them"
        r"|any of (?:this|these)))?$|\b(?:did not|didn t|didnt) ask for (?:this|these)$"
        r"|\b(?:cancel|end|quit|terminate) (?:my |this |the |your )?subscription\b(?! box)"
        rf"|\bwant off$|^(?:{_POLITE} )*(?:get|stay) off (?:of )?my (?:phone|cell|line)\b"
    ),
    (
        rf"\b(?:told|asked|said|informed|requested)(?: \w+){{0,4}} not(?: to)?(?: be)? {_REACH}\b"
        rf"|\b(?:not allowed|no permission|not authorized|not permitted"
        rf"|have no right) to {_REACH}\b"
        rf"|\brefuse(?: to be| any| all| your| further| these)* {_REACH}\b"
        rf"|\b(?:refrain|abstain) from(?: \w+){{0,2}} {_REACH}\b"
        rf"|\b{_REACH}(?: \w+)? (?:is |are )?(?:not|un|no longer) ?(?:wanted|welcome|allowed)\b"
        rf"|\bunwanted {_REACH}\b|\bprefer not to be {_REACH}\b"
        r"|\bonly (?:contact|reach|write|communicate|correspond|respond)(?: \w+){0,3} (?:in writing"
        r"|by (?:us )?(?:mail|post|letter))\b|\b(?:contact|reach|write|communicat\w+|correspond\w*"
        r"|respond)(?: \w+){0,3} (?:in writing only|only (?:in writing|by (?:us )?(?:mail|post"
        r"|letter))|by (?:us )?(?:mail|post|letter) only)\b"
    ),
    r"\bwrong n\w{0,3}[bnm]\w?er\b|\bno(?:sms|texts?|calls?|msgs?|messages)\b",
    (
        r"\b(?:revoke|withdraw|take back)(?: \w+){0,2} (?:consent|permission)\b"
        r"|\b(?:consent|permission) (?:is |was |has been )?(?:revoked|withdrawn)\b"
        r"|\b(?:not|don t|dont|didn t|didnt) (?:have my|give(?: you| u)?(?: my)?)"
        r" (?:consent|permission)\b(?! (?:for|to (?:charge|bill|run|use|treat))\b)"
        r"|\bno consent\b(?! forms?\b)"
    ),
    # A wrong number.
    (
        r"\bwrong (?:phone |cell )?"
        r"(?:number|person|guy|man|woman|lady|dude|phone|cell|family|patient|no|num)\b"
        r"|\b(?:have|got) the wrong$"
    ),
    (
        r"\b(?:not|isn t|isnt|no longer) (?:my|his|her|their|that person s) (?:phone |cell"
        r" )?(?:number|phone)\b"
    ),
    r"\b(?:nobody|no one|no \w+) (?:by|with|of) (?:that|this) name\b|\bno such person\b",
    # What forbids collection by text, from any sender: death, bankruptcy, an attorney, a dispute.
    (
        rf"\bpassed away\b|\bdeceased\b|\bdied\b|\b{_SOMEBODY} (?:is |s |has |have |had |just"
        rf" )*{PASSED}|\bestate of\b|\bprobate\b"
    ),
    (
        r"\bbankrupt\w*\b|\bchapter"
        r" (?:7|11|13|seven|eleven|thirteen)\b|\b(?:attorney|lawyer)s?\b|\blegal"
        r" (?:counsel|representation|representative)\b"
    ),
    (
        r"(?<!not )(?<!n t )(?<!dont )(?<!never )\bdisput(?:e|ed|es|ing)\b|\b(?:do not|don t|dont"
        r"|never|did not|didn t|didnt) owe\b|\bnot"
        rf" my {_DEBT}\b|\bidentity theft\b"
    ),
]
_HARMLESS = [
    (
        r"(?<!\byou )(?<!\bthey )(?<!\bit )(?<!\bwhy )\b(?:do not|don t|dont|never)(?:"
        r" (?:want|need|wish)(?: \w+)? to)? (?:stop|quit|cease)\b"
    ),
    (
        r"\b(?:i|we) (?:will|ll|can|could|may|might|won t|wont|can t|cant|cannot|did|do)(?: not)?"
        rf" stop\b(?!(?: \w+){{0,3}} {_REACH}\b)"
    ),
    rf"\b(?:can|could|may|shall|should) (?:i|we) stop\b(?!(?: \w+){{0,3}} {_REACH}\b)",
    r"\bstop (?:by|in|over|off|at(?! once\b)(?! this point\b))\b",
    r"\bstop (?:(?:a|an|my|the|that|your) )?(?:payments?|checks?|cheques?|auto ?pay\w*)\b",
    r"\b(?:do not|don t|dont|never) send (?:me|us|it|this|my \w+) to (?:a )?collect\w+\b",
    r"\b(?:bus|train|truck|rest|pit|first|last|next|one|non) stop\b|\bstop (?:sign|light)s?\b",
    r"\bstop (?:and |n )?shop\b",
    SPANISH_DEVICE_DIED,
    rf"\b{_DEVICE} (?:is |s |has |had |just )*(?:died|dead)\b|\bpower of attorney\b",
]
_WISH = re.compile("|".join(f"(?:{wish})" for wish in _WISHES))
_NO_WISH = re.compile("|".join(f"(?:{words})" for words in _HARMLESS))
_SENTENCE = re.compile(r"[.!?;:,\n\r\u2014\u2026\u3002\uff01\uff1f\uff0c\u061f\u060c\u0964]+")
_JOINED = frozenset(word.replace(" ", "") for word in STOP)
# Emoji: signs that mean stop next to any words, and gestures that mean it when they stand alone.
_STOP_SIGNS = frozenset("\U0001f6d1\u26d4\U0001f515\U0001f4f5\U0001f595\U0001f507\U0001f51a")
_REFUSING = frozenset(
    "\U0001f6ab\u270b\U0001f91a\U0001f645\u274c\u274e\u2716\U0001f6b7\U0001f910\u23f9"
)
# How phones report a reaction to a text of ours: they quote all of it, with its "Reply STOP".
_REACTION = re.compile(
    r"(?:liked|loved|laughed at|emphasi[sz]ed|questioned|disliked|reacted .{1,12} to"
    r"|removed an? .{1,20} from"
    r"|\W{0,8}[^\w\s\u201c\"']\W{0,8}to|le (?:gust|encant|divirti|disgust)\w*"
    r"|a\u00f1adi\u00f3 .{1,20} a)"
    r"\s*[\u201c\u201d\"\u00ab](?:.*[\u201c\u201d\"\u00bb]|.*)",
    re.IGNORECASE | re.DOTALL,
)
_QUOTE = re.compile('[\u201c\u201d"\u00ab]')


def keyword_of(text: str) -> Keyword:
    """What `text` asks for; case, accents, punctuation, emoji and spaces do not matter."""
    reaction = _REACTION.match(text)
    if reaction:
        if _emoji_say_stop(_QUOTE.split(text)[0]):
            return "stop"
        text = text[reaction.end() :]
    if _emoji_say_stop(text):
        return "stop"
    plain = _plain(text)
    if plain in START and not _has_look_alikes(text):
        return "start"
    if plain in HELP:
        return "help"
    said = (text, *_SENTENCE.split(text))
    return "stop" if any(map(_says_stop, said)) else ""


def own_words(text: str) -> str:
    """The author's own words: a phone's report of a reaction quotes a text of ours."""
    reaction = _REACTION.match(text)
    return text[reaction.end() :] if reaction else text


def plain_words(text: str) -> str:
    """The words in the form that the rules match, without harmless phrases such as a phone that
    died.
    """
    return " ".join(_NO_WISH.sub(" ", _plain(text)).split())


def _has_look_alikes(text: str) -> bool:
    """Whether a letter is from another script: no carrier takes it for the letter it looks like.
    Symbols made of letters, such as an era's name, do not count.
    """
    letters = "".join(char for char in text if unicodedata.category(char)[0] != "S")
    return any(
        char.isalpha() and not char.isascii() for char in unicodedata.normalize("NFKD", letters)
    )


def _emoji_say_stop(text: str) -> bool:
    """Whether emoji ask to stop: a stop sign with or without words, a refusing gesture alone."""
    signs = set(text)
    return bool(signs & _STOP_SIGNS) or (
        bool(signs & _REFUSING) and not any(map(str.isalnum, text))
    )


def _says_stop(part: str) -> bool:
    """Whether these words, a sentence or a whole text, are an opt-out."""
    written = _plain(part)
    plain = corrected(part, written)
    return (
        plain in STOP
        or joins_to(written, _JOINED)
        or _WISH.search(_NO_WISH.sub(" ", plain)) is not None
        or says_stop_in_another_language(part)
    )


def language_of_help(text: str) -> str:
    """The language in which help was requested."""
    return "es" if _plain(text) == "ayuda" else "en"


def _plain(text: str) -> str:
    """Lower-case letters and digits, single spaces between words; no accents, symbols or invisible
    characters.
    """
    worded = re.sub(r"(?i)\bwrong\s*#", "wrong number ", text)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain_letters(worded)).split())
