"""gunicorn's own log lines, which may quote a request that was no HTTP, through the same mask as
ours.
"""

from typing import Any

from gunicorn.glogging import Logger

from rules.cards.card_numbers import redact
from runtime.log import MaskingFormatter, hide_secrets

LONGEST = 1000  # characters of a warning: of a request that was no HTTP, that is the beginning

# gunicorn's words for an address that it cannot have, at each of five tries and after them, and
# what to do about it
_TRIES_TO_LISTEN = ("Connection in use: ", "Invalid address: ", "connection to ")
_CANNOT_LISTEN = "Can't connect to %s"
_NEXT = "Cannot listen at %s. End what has the port, or set PORT to another."


class MaskedLogger(Logger):
    """gunicorn's logger, whose lines hold no card number and no secret."""

    def setup(self, cfg: Any) -> None:
        """Set up as gunicorn does, then put the mask before every writer."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(MaskingFormatter(redact))

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log its beginning: to look through all that a stranger sends would cost too much."""
        text = str(msg) % args if args else str(msg)
        super().warning("%s", redact(hide_secrets(text[: 2 * LONGEST]))[:LONGEST], **kwargs)

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log it; what keeps the server from starting is said once, with what to do."""
        if not str(msg).startswith(_TRIES_TO_LISTEN):
            super().error(_NEXT if msg == _CANNOT_LISTEN else msg, *args, **kwargs)
