"""The one error every provider raises: what is known of the outcome, and advice for people."""

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
    """A provider said no, or did not say.

    `outcome` refused: it did not happen and will not; unknown: it may have happened; retry_later:
    it did not happen, try again. `code` is the provider's own; `advice` is for a person. `answered`
    says whether the provider's own code gave an answer (its 500 is one; a timeout, and a gateway's
    page, are none). `bug` says that the fault is ours, and must be loud. Its words can be kept by
    any database, whatever the provider said, and hold no card number and nothing that looks like a
    key: they go into rows, logs and what people are told.
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


def unless(code: str, ask: Callable[[str], Answer], object_id: str) -> Answer | None:
    """What a provider shows of an object; None where it refuses with this code, which says that it
    is not there. Raises any other ProviderError.
    """
    with passing_over(code):
        return ask(object_id)
    return None


@contextmanager
def passing_over(code: str) -> Iterator[None]:
    """Take a refusal with this code for done: what was to be taken away is not there."""
    try:
        yield
    except ProviderError as error:
        if error.code != code:
            raise


def unless_refused(ask: Callable[[str], Answer], object_id: str) -> Answer | None:
    """What a provider shows of an object; None where it says that it has none. Raises ProviderError
    where it does not answer.
    """
    try:
        return ask(object_id)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        return None


def without(words: str, *secrets: str) -> str:
    """`words` in which these are not told. A short one is taken out where it is a word of its own:
    it may be a part of any number. One of two characters tells nothing and may be any word.
    """
    for secret in secrets:
        if len(secret) >= _LONG:
            words = words.replace(secret, "***")
        elif len(secret) >= _SHORTEST:
            words = re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", "***", words)
    return words


@contextmanager
def hiding(*secrets: str) -> Iterator[None]:
    """Take these out of what a provider says of a request that holds them: it may repeat what it
    does not take.
    """
    try:
        yield
    except ProviderError as error:
        error.args = (without(str(error), *secrets),)
        raise error from None
