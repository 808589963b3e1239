"""Whether a text makes an offer, which makes it a solicitation in law: those may go only to people
who consented in writing (Texas SB 140 and other states' acts).
"""

import re

# in the languages of our templates
_OFFER = re.compile(
    r"\d\s*(?:%|per ?cent\b|por ciento\b)"
    r"|\bsave (?:up to |an? |another |extra )?(?:[$€£]|\d|money\b)"
    r"|\d(?: dollars| bucks)? off\b(?!-)|\bhalf[- ](?:off|price)\b|\bcash ?back\b"
    r"|\bsettle (?:for\b|(?:\w+ ){1,3}for (?:less|half|only|just)\b)"
    r"|\b(?:discount\w*|off your (?:bill|balance)|rebates?|special offer|limited[- ]time"
    r"|gift ?cards?|prizes?|bonus(?:es)?|rewards?|coupons?|promo|promotions?|promo code)\b"
    r"|\b(?:descuentos?|ahorr[ae]\w*|ofertas?|rebajas?|premios?|regalos?|cup[oó]n(?:es)?"
    r"|promoci[oó]n(?:es)?|mitad del? precio)\b",
    re.IGNORECASE,
)


def is_offer(words: str) -> bool:
    """Whether a template or text contains an offer; in doubt it does."""
    return _OFFER.search(words) is not None
