"""Whether the words of a text offer something, which makes it a solicitation in law: those go only
to people who consented in writing (Texas SB 140 and other states' acts).
"""

import re

# in the languages there are templates for
_OFFER = re.compile(
    r"\d\s*(?:%|per ?cent\b|por ciento\b)"
    r"|\bsave (?:up to |an? |another |extra )?(?:[$€£]|\d|money\b)"
    r"|\b(?:discount\w*|off your (?:bill|balance)|rebates?|special offer|limited[- ]time"
    r"|gift ?cards?|prizes?|bonus(?:es)?|rewards?|coupons?|promo|promotions?|promo code)\b"
    r"|\b(?:descuentos?|ahorr[ae]\w*|ofertas?|rebajas?|premios?|regalos?|cup[oó]n(?:es)?"
    r"|promoci[oó]n(?:es)?)\b",
    re.IGNORECASE,
)


def is_offer(words: str) -> bool:
    """Whether a template or text contains an offer; what looks like one is taken for one."""
    return _OFFER.search(words) is not None
