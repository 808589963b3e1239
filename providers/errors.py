"""The one error every provider client raises: the known outcome, and advice for a person."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

from rules.cards.card_numbers import redact
from rules.storable import storable_text
from runtime.errors import PayphoneError
from runtime.log import hide_secrets

Answer = TypeVar("Answer")
Result = Literal["refused", "unknown", "retry_later"]

_SHORTEST, _LONG = 3, 8  # characters of a secret


class ProviderError(PayphoneError):
    """A provider refused a request, or gave no usable answer.

    `outcome` is `refused` (it did not happen and will not), `unknown` (it may have happened) or
    `retry_later` (it did not happen; try again). `code` is the provider's own error code; `advice`
    is addressed to a person. `answered` is true if the provider itself answered: its own 500
    counts, a timeout or a gateway's error page does not. `bug` marks a fault of ours that must be
    reported loudly. The message goes into rows, logs and what people see, so characters that a
    database cannot store are replaced, and card numbers and anything that looks like a key are
    redacted.
    """

    def __init__(
        self,
        provider: str,
        outcome: Result,
        message: str,
        code: str = "",
        advice: str = "",
        answered: bool = False,
        bug: bool = False,
    ) -> None:
        super().__init__(redact(hide_secrets(storable_text(f"{provider}: {message}"))))
        self.outcome = outcome
        self.code = storable_text(code)
        self.advice = advice
        self.answered = answered
        self.bug = bug


def none_if_missing(code: str, ask: Callable[[str], Answer], object_id: str) -> Answer | None:
    """Call `ask` with `object_id`; return None if the provider refuses with `code`, which means
    that the object does not exist. Raises any other ProviderError.
    """
    with ignoring(code):
        return ask(object_id)
    return None


@contextmanager
def ignoring(code: str) -> Iterator[None]:
    """Treat a refusal with this code as success: the object to delete is already gone."""
    try:
        yield
    except ProviderError as error:
        if error.code != code:
            raise


def none_if_refused(ask: Callable[[str], Answer], object_id: str) -> Answer | None:
    """Call `ask` with `object_id`; return None if the provider refuses, i.e. has no such object.
    Raises ProviderError if it gives no definite answer.
    """
    try:
        return ask(object_id)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        return None


def masked(words: str, *secrets: str) -> str:
    """Return `words` with these secrets masked. A secret of three to seven characters is masked
    only where it stands as a separate word, because it could be part of any number; one of one or
    two characters is left in, because it could be any word.
    """
    for secret in secrets:
        if len(secret) >= _LONG:
            words = words.replace(secret, "***")
        elif len(secret) >= _SHORTEST:
            words = re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", "***", words)
    return words


@contextmanager
def masking(*secrets: str) -> Iterator[None]:
    """Mask these secrets in the ProviderError that a request raises: providers may quote the values
    they reject.
    """
    try:
        yield
    except ProviderError as error:
        error.args = (masked(str(error), *secrets),)
        raise error from None
