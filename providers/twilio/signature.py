"""Verify Twilio's webhook signature with Twilio's own validator, guarded against input that makes
the validator raise.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from runtime.errors import PayphoneError

MAX_FIELDS = 200


class BadTwilioSignature(PayphoneError):
    """The request was not signed by Twilio with one of our auth tokens."""


class _Form(Mapping[str, str]):
    """A form with repeatable names, as the validator needs it: with `getlist`, and with a length,
    because an empty form must be falsy.
    """

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        """Return every value of a name, in order."""
        return self._values[name]

    def __getitem__(self, name: str) -> str:
        return self._values[name][-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def verify_json(
    raw: bytes, url: str, signature: str | None, tokens: tuple[str, ...]
) -> dict[str, Any]:
    """Return the object of a signed JSON report. Its digest is in `url` as `bodySHA256`, and any of
    `tokens` may have signed it. Raises BadTwilioSignature.
    """
    if not signature or "bodySHA256=" not in url:
        raise BadTwilioSignature("The X-Twilio-Signature header or the body's digest is missing.")
    try:
        body = raw.decode("utf-8")
        held = any(RequestValidator(token).validate(url, body, signature) for token in tokens)
        document = json.loads(body)
    except (UnicodeError, ValueError, TypeError, KeyError, RecursionError):
        raise BadTwilioSignature("The request cannot be read as a report from Twilio.") from None
    if not held or not isinstance(document, dict):
        raise BadTwilioSignature(
            "Invalid signature; check TWILIO_AUTH_TOKEN and that PUBLIC_URL is the address Twilio"
            " calls."
        )
    return document


def verify_form(
    raw: bytes, url: str, signature: str | None, tokens: tuple[str, ...]
) -> dict[str, str]:
    """Return the fields of a signed form; of a repeated name, the last value. Blank fields are
    kept, because they are signed too.

    `url` is the address that Twilio called, with its query; any of `tokens` may have signed it.
    Raises BadTwilioSignature.
    """
    if not signature:
        raise BadTwilioSignature("The X-Twilio-Signature header is missing.")
    try:
        form = _Form(
            parse_qsl(
                raw.decode("utf-8"),
                keep_blank_values=True,
                max_num_fields=MAX_FIELDS,
                errors="strict",
            )
        )
        held = any(RequestValidator(token).validate(url, form, signature) for token in tokens)
    except (UnicodeError, ValueError, TypeError, KeyError):
        raise BadTwilioSignature(
            "The request cannot be read as a form that Twilio signed."
        ) from None
    if not held:
        raise BadTwilioSignature(
            "Invalid signature; check TWILIO_AUTH_TOKEN and that PUBLIC_URL is the address Twilio"
            " calls."
        )
    return dict(form)
