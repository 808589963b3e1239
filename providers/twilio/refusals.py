"""Twilio's refusals of numbers, addresses and calls, with advice for a person on each.

Codes and their causes: https://www.twilio.com/docs/api/errors/{code}. Codes about texts are
explained in `rules/contact/delivery_failures.py`.
"""

import re

GONE = frozenset({"21422"})  # the number is taken: choose another
TRIAL = frozenset({"21404", "21219"})
ADDRESS_REQUIRED = frozenset({"21613", "21615", "21631"})
BUNDLE_REQUIRED = "21649"
ADDRESS_INVALID = "21628"
ADDRESS_SUGGESTED = "21629"
NOT_FOUND = "20404"

_UPGRADE = (
    "The Twilio account is a trial, which has one number and reaches verified numbers only. Upgrade"
    " it in the Twilio console, under Billing."
)
_ADDRESS = (
    "The law of the number's country requires an address of its user. Save the clinic's"
    " street address, or choose a number that needs none."
)
_ADVICE = {
    "21210": "Only a number that the Twilio account has, or has verified, may be shown as the"
    " caller.",
    "21215": "Twilio does not call this country for this account: allow it in the console, under"
    " Voice, Geographic permissions.",
    "21421": "Write the number as E.164, such as +12125550123.",
    "21422": "Someone else has taken the number. Search again and choose another.",
    "21452": "This area code has no numbers left. Choose another area code, or search by city.",
    BUNDLE_REQUIRED: "Numbers of this country and kind need an approved regulatory bundle: make one"
    " in the Twilio console, under Regulatory compliance, or choose a number that needs none.",
    ADDRESS_INVALID: "The address was not found. Check its spelling, and write street and state in"
    " their usual abbreviations (St, Ave; CA).",
    ADDRESS_SUGGESTED: "Compare the address with the one that is suggested; if that is the"
    " clinic's, save it as suggested.",
    **dict.fromkeys(TRIAL, _UPGRADE),
    **dict.fromkeys(ADDRESS_REQUIRED, _ADDRESS),
}
# Twilio has reported this with its own code, with a bare 400, and with a 500
_BUNDLE = re.compile(r"\bbundle (is )?required\b|\bmust provide a bundle\b", re.IGNORECASE)


def code_of(code: str, text: str) -> str:
    """Return the effective error code; a missing bundle is also recognised by its message."""
    return BUNDLE_REQUIRED if _BUNDLE.search(text) else code


def advice_for(code: str) -> str:
    """Advice on a refusal; empty if the code is not known here."""
    return _ADVICE.get(code, "")
