"""The root of our errors, and the kinds that tell a caller how to react."""

from dataclasses import dataclass


class PayphoneError(Exception):
    """Root of all errors raised on purpose. The message names the thing, the fault and the next
    step.
    """


class NotAllowed(PayphoneError):
    """The operation is not possible in the current state, or was requested wrongly; the message
    says why and what to do instead.
    """


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to pay `amount` (minor units) of an invoice, for the audit log. Repetitions of the
    same attempt share its `key`, unless that is empty.
    """

    account_id: str
    invoice_id: str
    amount: int
    currency: str
    actor: str
    key: tuple[str, ...] = ()


class Refused(PayphoneError):
    """An action is not allowed or not possible now. Nothing was changed; the caller decides what to
    do.

    `code` is a stable code from the API's table of problems; `detail` says why and what to do
    instead; `errors` are per field; `members` are further members of the problem document
    (camelCase); `retry_after` is in seconds. `attempt` is set if the action was an attempt to pay.
    """

    attempt: Attempt | None = None

    def __init__(
        self,
        code: str,
        detail: str = "",
        errors: list[dict[str, str]] | None = None,
        retry_after: int | None = None,
        **members: str | None,
    ) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after
        self.members = members


class Misconfigured(PayphoneError):
    """A setting is missing or wrong: a person must change it; retrying does not help."""


class NotYet(PayphoneError):
    """Something this work depends on is not ready: retry later; this counts as an attempt."""


class SomeFailed(PayphoneError):
    """Some items of a batch failed, each for a reason that is in the log; the others succeeded. The
    next attempt processes the whole batch again.
    """


class Conflict(PayphoneError):
    """The row was changed by someone else first. Nothing was written: read it again and retry."""
