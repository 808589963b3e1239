"""Reading what Vapi sends: JSON, and proof that it is Vapi's."""

import re
from typing import Any

import falcon

from providers.vapi.signature import BadVapiSignature, verify_request
from rules.storable import storable
from runtime.clock import real_seconds
from runtime.settings import get_settings
from web.http.body import CALL_CAP, parse_json, read_raw
from web.http.problems import Problem

# how JSON writes a NUL character, and half a surrogate pair or a whole one
_MAY_BE_UNSTORABLE = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)


def vapi_body(req: falcon.Request) -> Any:
    """The document of a request that is Vapi's, in text that can be kept; None when it is no JSON.
    Raises Problem 401 for any other request, 413 for one that is too large.

    It may hold card numbers that were read out: nothing of it is kept before it is redacted.
    """
    raw = read_raw(req, CALL_CAP)
    try:
        verify_request(raw, req.get_header, get_settings().vapi_webhook_secrets, real_seconds())
    except BadVapiSignature as error:
        raise Problem("unauthenticated", str(error)) from None
    try:
        text = raw.decode("utf-8", "replace")
        document = parse_json(text)
    except ValueError:
        return None
    # each question of a call brings all that was said so far: it is gone through if it has to be
    return storable(document) if _MAY_BE_UNSTORABLE.search(text) else document
