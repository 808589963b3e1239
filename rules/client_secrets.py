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
    clean = _redacted_text(_MEMBER.sub(rf'\1"{REMOVED}"', text))
    try:
        document = json.loads(clean)
        searched = _redacted_value(document)
    except (ValueError, RecursionError):
        return clean
    return clean if searched == document else json.dumps(searched)


def _redacted_value(value: Any, name: str = "") -> Any:
    if name.endswith(_FIELD) and value is not None and not isinstance(value, bool):
        return REMOVED
    if isinstance(value, dict):
        return {
            _redacted_text(str(key)): _redacted_value(each, str(key)) for key, each in value.items()
        }
    if isinstance(value, list):
        return [_redacted_value(each, name) for each in value]
    return _redacted_text(value) if isinstance(value, str) else value


def _redacted_text(text: str) -> str:
    return _VALUE.sub(REMOVED, _PARAMETER.sub(REMOVED, text))
