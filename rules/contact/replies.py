"""Replies to our texts, other than STOP and similar: each is assigned one class, by rules alone, in
English and Spanish.

If several classes fit, the weightiest counts. What must be acted on at once, whatever else the
reply means, places a hold or suppresses the number: a death, a bankruptcy, an attorney, a disputed
bill, inability to pay, a wrong number (12 CFR 1006.6(b)(2), 1006.14(h), 1006.38; 11 USC 362). An
ambiguous reply gets the weightier class: one contact too few harms nobody.
"""

import re
from dataclasses import dataclass

from rules.contact.opt_out.words import own_words, plain_words
from rules.contact.reply_patterns import another_time, payment, rights, small_talk, wrong_person
from rules.contact.time_requests.call_now import is_time_alone
from rules.contact.time_requests.times import names_another_time


@dataclass(frozen=True, slots=True)
class ReplyClass:
    """One class of replies: `words` describe it to people, `suggested` is the likely right action
    for its work item. `hold`: the kind of hold to place at once; `suppresses`: suppress the number
    at once.
    """

    code: str
    words: str
    suggested: str
    hold: str = ""
    suppresses: bool = False


# The weightiest first.
CLASSES: tuple[ReplyClass, ...] = (
    ReplyClass("deceased", "Someone says that the person has died.", "done", hold="deceased"),
    ReplyClass(
        "bankruptcy", "The person says that there is a bankruptcy.", "done", hold="bankruptcy"
    ),
    ReplyClass(
        "lawyer",
        "The person has an attorney, who must be contacted instead.",
        "done",
        hold="attorney",
    ),
    ReplyClass("wrong_number", "The number is another person's.", "done", suppresses=True),
    ReplyClass(
        "dispute", "The person says that the bill is wrong or not theirs.", "reply", hold="dispute"
    ),
    ReplyClass("already_paid", "The person says that it is paid. Look for the payment.", "reply"),
    ReplyClass("insurance", "The person says that their insurance pays.", "reply"),
    ReplyClass(
        "cannot_pay", "The person cannot pay, or not all at once.", "reply", hold="hardship"
    ),
    ReplyClass("call_me", "The person asks to be called.", "called"),
    ReplyClass("later", "The person asks to be contacted another time.", "done"),
    ReplyClass("will_pay", "The person says that they will pay. Record a promise.", "reply"),
    ReplyClass("question", "The person asks something.", "reply"),
    ReplyClass("thanks", "The person says thanks or agrees.", "done"),
    ReplyClass("unknown", "The person has answered by text.", "reply"),
)
BY_CODE = {each.code: each for each in CLASSES}

_WORDS = {
    "deceased": wrong_person.DECEASED,
    "bankruptcy": rights.BANKRUPTCY,
    "lawyer": rights.LAWYER,
    "wrong_number": wrong_person.WRONG_NUMBER,
    "dispute": rights.DISPUTE,
    "already_paid": payment.ALREADY_PAID,
    "insurance": payment.INSURANCE,
    "cannot_pay": payment.CANNOT_PAY,
    "call_me": another_time.CALL_ME,
    "later": another_time.LATER,
    "will_pay": payment.WILL_PAY,
    "question": small_talk.QUESTION,
    "thanks": small_talk.THANKS,
}
_PATTERNS = {code: re.compile(words) for code, words in _WORDS.items()}


def classify(text: str, has_stopped: bool = False) -> ReplyClass | None:
    """Classify an inbound text; None if it says nothing, e.g. a reaction to a text of ours. With
    `has_stopped` the text is also an opt-out: then only classes that must be acted on at once
    count.
    """
    said = own_words(text)
    plain = plain_words(said)
    for each in CLASSES:
        if has_stopped and not (each.hold or each.suppresses):
            continue
        if _fits(each.code, said, plain):
            return each
        if each.code == "question" and not has_stopped and re.search(r"[?\u00bf]", said):
            return each
    if has_stopped or not said.strip():
        return None
    if _is_away(said, plain):
        return BY_CODE["later"]
    if not plain:
        return BY_CODE["thanks" if set(said) & small_talk.THANKFUL else "unknown"]
    return BY_CODE["unknown"]


def asks_for_another_time(text: str) -> bool:
    """Whether the author wants to be called or contacted, now or at another time, whatever else
    they say.
    """
    said = own_words(text)
    plain = plain_words(said)
    is_asked = any(_fits(code, said, plain) for code in ("call_me", "later"))
    return is_asked or _is_away(said, plain)


def _is_away(said: str, plain: str) -> bool:
    """Whether the author names a time, and says that they are away or says nothing else."""
    is_said = another_time.AWAY.search(plain) is not None or is_time_alone(plain)
    return is_said and names_another_time(said)


def _fits(code: str, said: str, plain: str) -> bool:
    """Whether a reply fits a class, by its words."""
    found = _PATTERNS.get(code)
    if found is None:
        return False
    if code == "wrong_number" and wrong_person.NOT_ME.search(said):
        return True
    if code == "deceased" and wrong_person.DEAD.search(said):
        return True
    if code in {"already_paid", "will_pay"}:
        return found.search(payment.UNPAID.sub(" ", plain)) is not None
    if code == "call_me":
        return found.search(another_time.NO_CALL.sub(" ", plain)) is not None
    return found.search(plain) is not None and (code != "later" or names_another_time(said))


def requested_time(text: str) -> str:
    """When the person wants to be called, in their own words; empty if they do not say."""
    plain = plain_words(own_words(text))
    return " ".join(dict.fromkeys(found[0] for found in another_time.WHEN.finditer(plain)))
