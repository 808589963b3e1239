"""gunicorn's own log lines, which may quote a request that was no HTTP, through the same mask as
ours.
"""

from typing import Any

from gunicorn.glogging import Logger

from rules.cards.card_numbers import redact
from runtime.log import MaskingFormatter


class MaskedLogger(Logger):
    """gunicorn's logger, whose lines hold no card number and no secret."""

    def setup(self, cfg: Any) -> None:
        """Set up as gunicorn does, then put the mask before every writer."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(MaskingFormatter(redact))
