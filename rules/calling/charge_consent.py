"""Whether a person has agreed, in the transcript, to be charged; pure.

The model's claim is not trusted. After the assistant has asked whether it may charge the amount,
the person must say yes in their own words, without any word of doubt, condition or question. If in
doubt they are asked again.
"""

import re
import unicodedata
from collections.abc import Sequence

from rules.calling.tool_payloads import Utterance

MOST_WORDS = 500  # characters stored as evidence
_YES = re.compile(
    r"\b(yes|yeah|yep|yup|sure|ok|okay|correct|i agree|agreed|go ahead|i do(?= agree| please|$)"
    r"|please do|absolutely|that s fine|that is fine|si|claro|de acuerdo|adelante|correcto"
    r"|esta bien|vale|acepto|por supuesto)\b"
)
_DOUBT = re.compile(
    r"\b(no|not|nope|never|\w*n t|dont|cannot|wait|hold on|stop|but|maybe|later|unless|if|rather"
    r"|instead|link|question|what|why|who|how|which|is (?:that|it|this)|(?:do|can|could) you"
    r"|nunca|tampoco|espere|espera|pero|quizas|tal vez|despues|todavia|aun|prefiero|mejor|enlace"
    r"|pregunta|cuanto|cual|quien|por que)\b"
)
# a question, or "if" in Spanish, which only its accent, or what follows, tells from a yes
_UNSURE = re.compile(
    r"[?\u00bf]|\bsi\s+(?!(?:s[i\u00ed]|claro|se\u00f1or(?:a|ita)?|gracias|por supuesto|por favor"
    r"|de acuerdo|adelante|est\u00e1 bien)\b)\w"
)
_CHARGE = re.compile(r"\b(charg|cobr|carg[aou])")
_LONG = 4  # letters a word needs to distinguish one sentence from another
_MOST_OF_IT = 0.75  # a transcript misses some words


def consent_heard(
    heard: Sequence[Utterance], amount: str, notices: Sequence[Sequence[str]] = ()
) -> str:
    """Return the person's words of consent to a charge of `amount` (digits such as 120.50), given
    after they were asked about it; empty if there is no consent. `notices` is one notice in several
    languages, each as sentences: one of them must be spoken before the question.
    """
    read_out = [
        place
        for place, said in enumerate(heard)
        if said.role == "assistant"
        and names_amount(said.words, amount)
        and _CHARGE.search(_plain(said.words))
    ]
    if not read_out:
        return ""
    before = [said.words for said in heard[: read_out[-1] + 1] if said.role == "assistant"]
    if notices and not any(_is_read_out(notice, before) for notice in notices):
        return ""
    answers = [said.words for said in heard[read_out[-1] + 1 :] if said.role == "user"]
    plain = [_plain(words) for words in answers]
    unsure = [_UNSURE.search(unicodedata.normalize("NFC", each.casefold())) for each in answers]
    if any(unsure) or any(map(_DOUBT.search, plain)) or not any(map(_YES.search, plain)):
        return ""
    return " / ".join(answers)[:MOST_WORDS]


def names_amount(words: str, amount: str) -> bool:
    """Whether the words contain the amount in digits: 120.50, 120.5, 1,120.50 or, for a whole
    amount, 120.
    """
    digits = re.sub(r"(?<=\d),(?=\d{3})", "", words)
    whole, _, part = amount.partition(".")
    significant = part.rstrip("0")
    zeros = rf"0{{0,{len(part) - len(significant)}}}"  # trailing zeros are optional
    if significant:
        # "120 dollars and 50 cents"
        in_words = rf"{whole}\s+\w+\s+(?:and|y|con)\s+{int(part)}"
        pattern = rf"(?:{whole}\.{significant}{zeros}|{in_words})"
    else:
        pattern = rf"{whole}(?:\.{zeros})?" if part else whole
    return re.search(rf"(?<![\d.,]){pattern}(?![.,]?\d)", digits) is not None


def _is_read_out(notice: Sequence[str], spoken: Sequence[str]) -> bool:
    """Whether most words of every sentence of the notice were spoken."""
    heard = set(_plain(" ".join(spoken)).split())
    wanted = [{word for word in _plain(each).split() if len(word) >= _LONG} for each in notice]
    return all(len(words & heard) >= _MOST_OF_IT * len(words) for words in wanted)


def _plain(words: str) -> str:
    bare = unicodedata.normalize("NFKD", words.casefold())
    letters = "".join(char for char in bare if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", letters).split())
