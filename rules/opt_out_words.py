"""What a text that comes in asks for: to stop, to start again, for help, or nothing of these.

Keywords are those of carriers and of 47 CFR 64.1200(a)(10), compared with the whole text. A plain wish in free
text counts as well ("any reasonable means"). Where a text could be read both ways it counts as a wish to stop:
a text too few harms nobody.
"""

import re
import unicodedata
from typing import Literal

Wish = Literal["stop", "start", "help", ""]

STOP = frozenset({"stop", "stopall", "stop all", "quit", "end", "revoke", "opt out", "optout", "cancel", "unsubscribe"})
STOP_SPANISH = frozenset({"alto", "parar", "pare", "paren", "para ya", "baja", "basta", "cancelar", "detener", "salir"})
START = frozenset({"start", "unstop", "comenzar", "empezar"})
HELP = frozenset({"help", "info", "ayuda"})

_POLITE = r"(?:please|pls|plz|now|already|it|this|thanks|thank you|ok|okay|hey|hi|hello|just|por favor|ya|gracias|stop)"
_REACH = r"(?:text\w*|messag\w*|msg\w*|sms|contact\w*|call\w*|bother\w*|harass\w*|spam\w*|email\w*|writ\w*|notif\w*|remind\w*)"
_ENDING = r"(?:stop|quit|cease|halt|cancel|revoke)(?! by\b)(?! in\b)"
_NOT = r"(?:do not|don t|dont|never|must not|may not|no longer)"

_WISHES = [
    rf"^(?:{_POLITE} )*stop(?: {_POLITE})*$",
    rf"\b{_ENDING}(?: \w+){{0,4}} {_REACH}\b",
    rf"\b{_NOT}(?: \w+){{0,2}} {_REACH} (?:me|us|this|my|again|any)\b",
    rf"\b{_NOT}(?: \w+){{0,2}} (?:text|message|contact|call|bother)(?: again| anymore| any more| ever)?$",
    rf"\b{_NOT} (?:want|wish|consent|agree|like)(?: \w+){{0,5}} {_REACH}\b",
    rf"\bno more {_REACH}\b",
    r"\bunsubscri\w*\b|\bopt(?:ing|ed)? (?:me )?out\b|\boptout\b",
    r"\b(?:take|get) (?:me|us|my number|this number) off\b|\b(?:remove|delete) (?:me|us|my (?:phone )?number|this number)\b",
    r"\bleave (?:me|us) alone\b|\blose (?:my|this) number\b|\bwrong (?:number|person)\b",
    r"\b(?:revoke|withdraw)(?: \w+){0,2} (?:consent|permission)\b",
    r"\bno (?:me|nos) (?:vuelvan? a )?(?:envi\w+|mand\w+|escrib\w+|contact\w+|llam\w+|molest\w+|text\w+)\b",
    r"\b(?:deje|dejen|deja|dejar|pare|paren|parar) de (?:\w+ )?(?:envi\w+|mand\w+|escrib\w+|contact\w+|llam\w+|molest\w+)\b",
    r"\bno mas (?:mensaj\w+|textos?|llamad\w+|sms)\b|\bno quiero (?:recibir )?(?:mas )?(?:mensaj\w+|textos?|llamad\w+|sms)\b",
    r"\b(?:dar(?:me|nos)|denme|deme) de baja\b",
    r"\b(?:quit\w+|borr\w+|elimin\w+|saqu\w+) (?:me |mi numero |de la lista)|\b(?:quiteme|quitenme|borreme|borrenme|saquenme|eliminenme)\b",
    r"\bnumero equivocado\b|\bpersona equivocada\b",
]
_GO_ON = re.compile(r"\b(?:do not|don t|dont|never) (?:stop|quit|cease)\b")
_WISH = re.compile("|".join(f"(?:{wish})" for wish in _WISHES))


def wish_of(text: str) -> Wish:
    """What `text` asks for; case, accents, punctuation and spaces do not matter."""
    plain = _plain(text)
    if plain in STOP or plain in STOP_SPANISH:
        return "stop"
    if plain in START:
        return "start"
    if plain in HELP:
        return "help"
    return "stop" if _WISH.search(_GO_ON.sub("", plain)) else ""


def language_of_help(text: str) -> str:
    """The language in which help was asked for."""
    return "es" if _plain(text) == "ayuda" else "en"


def _plain(text: str) -> str:
    """Lower case letters and digits, single spaces between words, no accents."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare).split())
