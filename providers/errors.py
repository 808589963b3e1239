"""The one error every provider raises: what is known of the outcome, and advice for people."""

from typing import Literal

from rules.storable import storable_text
from runtime.errors import PayphoneError

Result = Literal["refused", "unknown", "retry_later"]


class ProviderError(PayphoneError):
    """A provider said no, or did not say.

    `outcome` refused: it did not happen and will not; unknown: it may have happened; retry_later:
    it did not happen, try again. `code` is the provider's own; `advice` is for a person. `answered`
    says whether the provider's own code gave an answer (its 500 is one; a timeout, and a gateway's
    page, are none). `bug` says that the fault is ours, and must be loud. Its words can be kept by
    any database, whatever the provider said.
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
        super().__init__(storable_text(f"{provider}: {message}"))
        self.outcome = outcome
        self.code = storable_text(code)
        self.advice = advice
        self.answered = answered
        self.bug = bug
