"""Redact Stripe's client secrets in Stripe's documents before they are stored.

Anyone who has one can confirm its payment, so Stripe asks that they be neither stored nor logged
(docs.stripe.com/api/payment_intents/object, `client_secret`). Besides that field they appear in
URLs: those of `next_action`, such as `…?payment_intent_client_secret=pi_…_secret_…`.
"""

import json
import re
from typing import Any

REMOVED = "[client secret removed]"
_FIELD = "client_secret"
# pi_…_secret_…, seti_…_secret_…, src_client_secret_…, cuss_secret_…; also after an escaped `=`
_VALUE = re.compile(
    r"(?:(?<![A-Za-z0-9_])|(?<=%[0-9A-Fa-f]{2}))[a-z]{2,6}_(?:[A-Za-z0-9]+_)*?secret_[\w%.~+-]+",
    re.ASCII,
)
_PARAMETER = re.compile(rf"(?<={_FIELD}=)[^&#\s\"\\\[]+")
# "client_secret": "…", replaced in the text so that the rest stays byte for byte
_MEMBER = re.compile(rf'("\w*{_FIELD}"\s*:\s*)"(?:[^"\\]|\\.)+"', re.ASCII)
# over-cautious hints of a secret: one of its letters may be escaped
_SUSPECT = "secret", "\\u00"


def without_client_secrets(text: str) -> str:
    """Return a provider's JSON text without client secrets; unchanged, byte for byte, if there are
    none. Text that is not JSON is redacted as plain text.
    """
    folded = text.casefold()
    if not any(suspect in folded for suspect in _SUSPECT):
        return text
    clean = _redacted(_MEMBER.sub(rf'\1"{REMOVED}"', text))
    try:
        document = json.loads(clean)
        searched = _searched(document)
    except (ValueError, RecursionError):
        return clean
    return clean if searched == document else json.dumps(searched)


def _searched(value: Any, name: str = "") -> Any:
    if name.endswith(_FIELD) and value is not None and not isinstance(value, bool):
        return REMOVED
    if isinstance(value, dict):
        return {_redacted(str(key)): _searched(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_searched(each, name) for each in value]
    return _redacted(value) if isinstance(value, str) else value


def _redacted(text: str) -> str:
    return _VALUE.sub(REMOVED, _PARAMETER.sub(REMOVED, text))
