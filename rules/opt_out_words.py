"""What a text that comes in asks for: to stop, to start again, for help, or nothing of these.

Keywords are those of carriers and of 47 CFR 64.1200(a)(10), compared with the whole text. A plain
wish in free text counts as well ("any reasonable means"), and so does what forbids collecting by
text whoever says it: a death, a bankruptcy, an attorney, a debt that is disputed, a number that is
somebody else's. Where a text could be read both ways it counts as a wish to stop: a text too few
harms nobody.

So the word `stop` alone is a wish, wherever it occurs, unless its own few words say what else it is
(`HARMLESS`): a visit, a payment that is stopped at the bank, "don't stop". These are looked for
sentence by sentence, because "Please stop. By the way, I paid" is no visit.
"""

import re
import unicodedata
from typing import Literal

Wish = Literal["stop", "start", "help", ""]

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
    }
)
STOP_SPANISH = frozenset(
    {"alto", "parar", "pare", "paren", "para ya", "baja", "basta", "cancelar", "detener", "salir"}
)
START = frozenset({"start", "unstop", "comenzar", "empezar"})
HELP = frozenset({"help", "info", "ayuda"})

_POLITE = (
    r"(?:please|pls|plz|kindly|now|already|it|this|that|these|thanks|thank"
    r" you|ok|okay|no|hey|hi|hello|just|for good|at once|immediately|por favor|ya|gracias)"
)
_REACH = (
    r"(?:text\w*|messag\w*|msg\w*|sms|contact\w*|call\w*|bother\w*|harass\w*|spam\w*|email\w*"
    r"|writ\w*|notif\w*|remind\w*)"
)
_ENDING = r"(?:quit|cease|halt|cancel|revoke)(?! by\b)(?! in\b)"
_NOT = r"(?:do not|don t|dont|never|must not|may not|no longer)"
_SOMEBODY = (
    r"(?:he|she|they|husband|wife|spouse|partner|mother|mom|father|dad|son|daughter|brother|sister"
    r"|patient|client|customer|person|who)"
)
_DEVICE = r"(?:phone|cell|battery|car|truck|computer|laptop|tablet|internet|wifi|app|it|line)"
_DEBT = r"(?:debt|bill|invoice|charge|balance|account)"

_WISHES = [
    r"\bstop\b|\bdesist\b|\bcease\b",
    rf"^(?:{_POLITE} )*(?:quit|cease|end|halt|cancel|revoke|enough|unsubscribe)(?: {_POLITE})*$",
    rf"\b{_ENDING}(?: \w+){{0,4}} {_REACH}\b|(?<!\bi )\bquit \w+ing\b",
    rf"\b{_NOT}(?: \w+){{0,2}} {_REACH} (?:me|us|this|my|again|any)\b",
    (
        rf"\b{_NOT}(?: \w+){{0,2}} (?:text|message|contact|call|bother)(?: again| anymore| any"
        r" more| ever)?$"
    ),
    rf"\b{_NOT} (?:want|wish|consent|agree|like)(?: \w+){{0,5}} {_REACH}\b",
    (
        rf"\bno more {_REACH}\b|^(?:{_POLITE} )*no (?:more )?{_REACH}(?: (?:me|us|to"
        rf" me|again|ever|{_POLITE}))*$"
    ),
    rf"^(?:{_POLITE} )*no more(?: of (?:this|these|that|them))?(?: {_POLITE})*$",
    (
        r"\bunsubscri\w*\b|\bopt(?:ing|ed)? (?:me )?out\b|\boptout\b|\b(?:want|let me|let us|get"
        r" me|count me) out\b"
    ),
    (
        r"\b(?:take|get) (?:me|us|my number|this number) off\b|\b(?:remove|delete) (?:me|us|my"
        r" (?:phone )?number|this number)\b"
    ),
    (
        r"\bleave (?:me|us) alone\b|\blose (?:my|this) number\b|\bgo away\b|\b(?:fuck|piss|f)"
        r" off\b|\b(?:knock it off|cut it out|enough is enough)\b"
    ),
    (
        r"\bnot interested\b|\bnever (?:signed up|subscribed|agreed|consented|asked for"
        r" (?:this|these))\b"
    ),
    (
        r"\bthis is (?:just |pure )?(?:spam|harassment|a scam)\b|\breport\w*(?: \w+){0,3} (?:as"
        r" )?spam\b"
    ),
    r"\b(?:revoke|withdraw)(?: \w+){0,2} (?:consent|permission)\b",
    # Somebody else's number.
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
    # What stops collection by text, whoever says it: death, bankruptcy, an attorney, a dispute.
    (
        rf"\bpassed away\b|\bdeceased\b|\bdied\b|\b{_SOMEBODY} (?:is |s |has |have |had |just"
        r" )*(?:dead|passed|passed on)\b|\bestate of\b|\bprobate\b"
    ),
    (
        r"\bbankrupt\w*\b|\bchapter"
        r" (?:7|11|13|seven|eleven|thirteen)\b|\b(?:attorney|lawyer)s?\b|\blegal"
        r" (?:counsel|representation|representative)\b"
    ),
    (
        r"\bdisput(?:e|ed|es|ing)\b|\b(?:do not|don t|dont|never|did not|didn t|didnt) owe\b|\bnot"
        rf" my {_DEBT}\b|\bidentity theft\b"
    ),
    # Spanish.
    (
        r"\bno (?:me|nos) (?:vuelvan? a"
        r" )?(?:envi\w+|mand\w+|escrib\w+|contact\w+|llam\w+|molest\w+|text\w+)\b"
    ),
    (
        r"\b(?:deje|dejen|deja|dejar|pare|paren|parar) de (?:\w+"
        r" )?(?:envi\w+|mand\w+|escrib\w+|contact\w+|llam\w+|molest\w+)\b"
    ),
    (
        r"\bno mas (?:mensaj\w+|textos?|llamad\w+|sms)\b|\bno quiero (?:recibir )?(?:mas"
        r" )?(?:mensaj\w+|textos?|llamad\w+|sms)\b|^(?:por favor )?(?:ya )?no mas$"
    ),
    r"\b(?:dar(?:me|nos)|denme|deme) de baja\b|\bno (?:me|nos) interesa\b",
    (
        r"\b(?:quit\w+|borr\w+|elimin\w+|saqu\w+) (?:me |mi numero |de la"
        r" lista)|\b(?:quiteme|quitenme|borreme|borrenme|saquenme|eliminenme)\b"
    ),
    r"\bnumero equivocado\b|\bpersona equivocada\b|\bno es (?:mi|su|el) numero\b",
    (
        r"\bfalleci\w*\b|\bmurio\b|\bbancarrota\b|\babogad[oa]s?\b|\bno debo\b|\bno es mi"
        r" (?:deuda|factura|cuenta)\b"
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
    r"\bstop (?:(?:a|an|my|the|that|your) )?(?:payments?|checks?|cheques?)\b",
    r"\b(?:bus|train|truck|rest|pit|first|last|next) stop\b|\bstop (?:sign|light)s?\b",
    rf"\b{_DEVICE} (?:is |s |has |had |just )*(?:died|dead)\b|\bpower of attorney\b",
]
_WISH = re.compile("|".join(f"(?:{wish})" for wish in _WISHES))
_NO_WISH = re.compile("|".join(f"(?:{words})" for words in _HARMLESS))
_SENTENCE = re.compile(r"[.!?;:,\n\r\u2014\u2026]+")
_JOINED = frozenset(word.replace(" ", "") for word in STOP)


def wish_of(text: str) -> Wish:
    """What `text` asks for; case, accents, punctuation, emoji and spaces do not matter."""
    plain = _plain(text)
    if plain in START:
        return "start"
    if plain in HELP:
        return "help"
    if plain.replace(" ", "") in _JOINED or any(
        _says_stop(_plain(part)) for part in (text, *_SENTENCE.split(text))
    ):
        return "stop"
    return ""


def _says_stop(plain: str) -> bool:
    """Whether these words, a sentence or a whole text, ask for it."""
    return (
        plain in STOP or plain in STOP_SPANISH or _WISH.search(_NO_WISH.sub(" ", plain)) is not None
    )


def language_of_help(text: str) -> str:
    """The language in which help was asked for."""
    return "es" if _plain(text) == "ayuda" else "en"


def _plain(text: str) -> str:
    """Lower case letters and digits, single spaces between words; no accents, symbols or invisible
    characters.
    """
    worded = re.sub(r"(?i)\bwrong\s*#", "wrong number ", text)
    bare = "".join(" " if unicodedata.category(char)[0] == "S" else char for char in worded)
    bare = "".join(
        char
        for char in unicodedata.normalize("NFKD", bare).casefold()
        if unicodedata.category(char) not in {"Mn", "Me", "Mc", "Cf"}
    )
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", bare).split())
    return re.sub(r"\bsto+p+\b", "stop", words)
