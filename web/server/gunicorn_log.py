"""gunicorn's own log lines, masked like ours: they may quote a malformed request."""

from typing import Any

from gunicorn.glogging import Logger

from rules.cards.card_numbers import redact
from runtime.log import MaskingFormatter, hide_secrets

LONGEST = 1000  # most characters of a warning, which may quote a malformed request

# gunicorn's messages when it cannot listen, at each of five tries and after the last, and ours,
# which says what to do
_TRIES_TO_LISTEN = ("Connection in use: ", "Invalid address: ", "connection to ")
_CANNOT_LISTEN = "Can't connect to %s"
_NEXT = "Cannot listen on %s. Stop the process that has the port, or set PORT to another."


class MaskedLogger(Logger):
    """gunicorn's logger, whose lines hold no card number and no secret."""

    def setup(self, cfg: Any) -> None:
        """Set up as gunicorn does, then mask what each handler writes."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(MaskingFormatter(redact))

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log only the beginning: masking all that a stranger sends would cost too much."""
        text = str(msg) % args if args else str(msg)
        super().warning("%s", redact(hide_secrets(text[: 2 * LONGEST]))[:LONGEST], **kwargs)

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log the error; a failure to listen is logged once, with what to do about it."""
        if not str(msg).startswith(_TRIES_TO_LISTEN):
            super().error(_NEXT if msg == _CANNOT_LISTEN else msg, *args, **kwargs)
