"""The root of our errors, and the kinds that tell a caller how to react."""


class PayphoneError(Exception):
    """Root of all errors raised on purpose. The message names the thing, the fault and the next
    step.
    """


class NotAllowed(PayphoneError):
    """What was asked for cannot be done as things stand, or was asked for wrongly: the message says
    why, and what to do instead.
    """


class Misconfigured(PayphoneError):
    """A setting is missing or wrong: a person has to change it, retrying does not help."""


class NotYet(PayphoneError):
    """Something this work rests on is not there yet: try again later, it counts as an attempt."""


class Conflict(PayphoneError):
    """Somebody else changed the row first: nothing was written, do it again from a fresh read."""
