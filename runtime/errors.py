"""The root of our errors, and the kinds that tell a caller how to react."""

from dataclasses import dataclass


class PayphoneError(Exception):
    """Root of all errors raised on purpose. The message names the thing, the fault and the next
    step.
    """


class NotAllowed(PayphoneError):
    """What was asked for cannot be done as things stand, or was asked for wrongly: the message says
    why, and what to do instead.
    """


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to pay `amount` (minor units) of an invoice, for the audit log; its repetitions
    have the same `key`, where it has one.
    """

    account_id: str
    invoice_id: str
    amount: int
    currency: str
    actor: str
    key: tuple[str, ...] = ()


class Refused(PayphoneError):
    """An action cannot be done as things stand: what is asked for, of what, is not allowed or not
    possible. Whoever asked decides what to do; nothing was changed.

    `code` is a stable word from the API's table of problems; `detail` says why and what to do
    instead; `errors` are per field; `members` are told beside them (camelCase); `retry_after` is in
    seconds. `attempt` is what somebody tried to pay, where it was that.
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
    """A setting is missing or wrong: a person has to change it, retrying does not help."""


class NotYet(PayphoneError):
    """Something this work rests on is not there yet: try again later, it counts as an attempt."""


class SomeFailed(PayphoneError):
    """Some of many could not be done, each for a reason of its own, which the log has; the others
    were. The next attempt goes through all of them again.
    """


class Conflict(PayphoneError):
    """Somebody else changed the row first: nothing was written, do it again from a fresh read."""
