"""Texts that a person expects: replies written by staff, which are checked before anything is
queued or sent, and thanks.
"""

import re

from rules.cards.card_numbers import has_card_number
from rules.contact.opt_out.lookalikes import plain_letters

LONGEST = 480  # characters, which keeps a text within four segments
TEMPLATE = "{clinic}: {answer}"
THANKS = {
    "en": "{clinic}: thank you, your payment has arrived as promised.",
    "es": "{clinic}: gracias, recibimos su pago tal como acordamos.",
}
# Anyone who holds the phone can read a text: 45 CFR 164.502(b), the minimum necessary.
_HEALTH = re.compile(
    r"\b(?:diagnos\w*|treatments?|surger\w+|procedures?|prescri\w*|medications?|lab results?"
    r"|test results?|biops\w+|x ?rays?|mri|ct scans?|root canals?|crowns?|fillings?|extractions?"
    r"|implants?|cancer\w*|tumou?rs?|hiv|std|pregnan\w*|abortions?|depress\w+|psychiatr\w*"
    r"|therap\w+|infect\w+|diseases?|disorders?|diabet\w*|chemotherap\w*|rehab\w*|addict\w*"
    r"|diagnostic\w*|tratamientos?|cirug\w+|enfermedad\w*|embaraz\w*|recetas?|medicamentos?"
    r"|endodoncia\w*|analisis|cancer|tumor\w*)\b"
)
_PARTED = re.compile(r"[^a-z0-9]+")  # anything else separates words: x-ray, lab/results


def reply_errors(text: str) -> list[str]:
    """What is wrong with a reply written by staff, in words for them; empty if nothing. The contact
    gate decides whether an offer in it may go to this person.
    """
    faults = []
    if not text.strip():
        faults.append("is empty; the words of the text are accepted; write them")
    if len(text) > LONGEST:
        faults.append(f"has {len(text)} characters; at most {LONGEST} are accepted; shorten it")
    if has_card_number(text):
        faults.append("has a card number; none is ever texted; send a payment link instead")
    named = _HEALTH.search(_PARTED.sub(" ", plain_letters(text)))
    if named:
        faults.append(
            f"mentions health ({named[0]!r}), and texts may be read by others; the invoice's"
            " number is accepted; say it without, or call"
        )
    return faults
