"""Typos and run-together words in opt-outs: "Stpo", "UNSUSCRIBE", "STOP2QUIT".

A typo is one letter too many, missing, wrong, or two swapped, as in Braze's fuzzy opt-out; longer
words may have more. A real word ("shop", "cancer", "evoke") is not a typo. If the word is alone,
nearly any typo of a keyword counts; in a sentence only those that mean nothing else.
"""

import re
from collections.abc import Collection

from rules.contact.opt_out.lookalikes import letters_for_digits

# Keyword: typos allowed, and similar words that are not typos of it.
_ALONE = {
    "stop": (1, {"shop", "step", "slop", "stow", "stoop", "stomp", "strop", "swop"}),
    "quit": (1, {"suit", "unit", "quilt", "quid", "quip", "quiz", "quint"}),
    "cancel": (1, {"cancer", "cancels", "chancel"}),
    "revoke": (1, {"evoke"}),
    "remove": (1, {"remote", "remover"}),
    "optout": (1, {"output", "cutout", "outout"}),
    "stopall": (1, {"stepall"}),
    "unsubscribe": (3, {"subscribe", "subscribed", "subscriber"}),
}
_DISGUISED = ("stop", "stopall", "quit", "cancel", "unsubscribe", "optout")
_END = frozenset({"edn", "ende", "endd", "ennd", "eend", "enf", "emd", "ebd"})
_ANYWHERE = {
    "stop": (
        1,
        {
            "shop",
            "step",
            "slop",
            "stow",
            "stoop",
            "stomp",
            "strop",
            "swop",
            "stops",
            "atop",
            "stope",
        },
    ),
    "unsubscribe": (3, {"subscribe", "subscribed", "subscriber"}),
}
_SHORTEST = 4  # letters of a typo in a sentence: "top" and "sop" are words
_SHORT_TYPOS = frozenset({"stp", "stpp"})
# Words that contain "stop" and are not opt-outs.
_NO_STOP = frozenset(
    {
        "stopped",
        "stopping",
        "stops",
        "stopper",
        "stopgap",
        "stopover",
        "stopovers",
        "stopwatch",
        "stoplight",
        "stoplights",
        "stopsign",
        "stopsigns",
        "stopin",
        "stoppage",
        "stopnshop",
        "stopandshop",
        "unstop",
        "unstoppable",
        "nonstop",
        "busstop",
        "backstop",
        "doorstop",
        "shortstop",
        "dontstop",
        "truckstop",
        "reststop",
        "pitstop",
        "fullstop",
        "onestop",
        "neverstop",
        "cantstop",
        "wontstop",
    }
)
_RUN_TOGETHER = re.compile(
    r"stop(?!by)\w+|\w+stop|\w*stop(?:text|txt|msg|mess|call|it|now|all|the|send|spam|contact)\w*"
    r"|(?:end|quit|cancel)(?:2|to|4)(?:end|quit|stop|cancel)"
    r"|\w*(?:dont|donot|never|quit|cease)(?:ever|u|you|please)?(?:text|txt|messag|msg|contact|call"
    r"|bother|send)\w*|(?:please|pls|plz)?(?:remove|delete)(?:me|us|my\w+)|takemeoff\w*|optmeout\w*"
    r"|leavemealone\w*|wrongnumber\w*|nomore(?:text|txt|mess|msg|sms|call)\w*|optout\w*|letmeout"
    r"|unsubscribe(?:me|now|all)\w*"
)
_UNSUB = re.compile(r"\bun ?sub(?:s|bed|bing|me)?\b|\bun sub?scrib\w*|\bunsub?scri\w*")
_SPELT_OUT = re.compile(r"\b(?:\w ){2,}\w\b")
_FILLERS = frozenset({"please", "pls", "plz", "now", "thanks", "thx", "ok", "the", "all"})


def corrected(written: str, plain: str) -> str:
    """The words of `plain` with typos corrected; `written` is the text before its signs were
    dropped, for digits and signs that stand for letters.
    """
    joined = _SPELT_OUT.sub(lambda spelt: spelt[0].replace(" ", ""), plain)
    words = _UNSUB.sub("unsubscribe", joined).split()
    fixed = [_corrected_word(word) for word in words]
    if any(_is_disguised(word) for word in written.casefold().split()):
        fixed.append("stop")
    content = [word for word in fixed if word not in _FILLERS]
    if len(content) == 1:
        fixed = [_typo_of(content[0], _ALONE) or ("end" if content[0] in _END else content[0])]
    return " ".join(fixed)


def joins_to(plain: str, keywords: Collection[str]) -> bool:
    """Whether the whole text without its spaces is a keyword or a typo of one: "S T O P",
    "opt ot".
    """
    joined = plain.replace(" ", "")
    return joined in keywords or (
        len(plain.split()) > 1 and _typo_of(joined, {"optout": _ALONE["optout"]}) != ""
    )


def _corrected_word(word: str) -> str:
    single = re.sub(r"(.)\1+", r"\1", word)  # STOOOPPP
    if single == "stop" and word not in {"stoop"}:
        return "stop"
    if word not in _NO_STOP and _RUN_TOGETHER.fullmatch(word):
        return "stop"
    if word in _SHORT_TYPOS:
        return "stop"
    return (_typo_of(word, _ANYWHERE) if len(word) >= _SHORTEST else "") or word


def _is_disguised(word: str) -> bool:
    """Whether digits or signs in a word stand for letters of a keyword: `5T0P`, `$top`, `st*p`."""
    bare = word.strip(".,;:?\"'()")
    read = letters_for_digits(bare)
    if read != bare and read in _DISGUISED:
        return True
    if not re.fullmatch(r"[a-z]+\*[a-z*]*", bare):
        return False
    hidden = re.compile(bare.replace("*", "[a-z]"))
    return any(hidden.fullmatch(keyword) for keyword in _DISGUISED)


def _typo_of(word: str, keywords: dict[str, tuple[int, set[str]]]) -> str:
    """The keyword that `word` is a typo of, or ''."""
    for keyword, (most, own_words) in keywords.items():
        if word not in own_words and _is_similar(word, keyword, most):
            return keyword
    return ""


def _is_similar(word: str, keyword: str, most: int) -> bool:
    """Whether at most `most` typos separate them; a long word must also begin like its keyword."""
    if abs(len(word) - len(keyword)) > most or (
        most > 1 and word[:1] not in {keyword[0], keyword[1]}
    ):
        return False
    return _distance(word, keyword) <= most


def _distance(one: str, other: str) -> int:
    """The edit distance with insertions, deletions, substitutions and swaps of neighbours (optimal
    string alignment).
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for place, wanted in enumerate(other, 1):
            best = min(last[place] + 1, line[-1] + 1, last[place - 1] + (letter != wanted))
            if row > 1 and place > 1 and letter == other[place - 2] and one[row - 2] == wanted:
                best = min(best, before[place - 2] + 1)
            line.append(best)
        before, last = last, line
    return last[-1]
