"""Reads Vapi's requests: JSON, with proof that it is Vapi's."""

import re
from typing import Any

import falcon

from providers.vapi.signature import BadVapiSignature, verify_request
from rules.storable import storable
from runtime.clock import real_seconds
from runtime.settings import get_settings
from web.http.body import CALL_CAP, parse_json, read_raw
from web.http.problems import Problem

# JSON's escapes of a NUL character and of surrogates, paired or not
_MAY_BE_UNSTORABLE = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)


def vapi_body(req: falcon.Request) -> Any:
    """The document of a request from Vapi, with its text made storable; None if it is not JSON.
    Raises Problem 401 for any other request, 413 for one that is too large.

    It may contain card numbers that were read out: redact it before storing anything of it.
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
    # each tool call brings the whole transcript so far: walk it only if necessary
    return storable(document) if _MAY_BE_UNSTORABLE.search(text) else document
