"""Structured logs: one line per event, with the request, event and job it belongs to.

Secrets and card numbers are masked here, as the last step and for every logger, those of the
standard library included. How to recognise a card number is passed in from above
(`rules.cards.card_numbers.redact`).
"""

import logging
import re
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog

# Stripe's keys and ours (operators' too), client credentials, and URLs that grant access
_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|rk|whsec|pp|ppop)_[A-Za-z0-9_]{12,}|_secret_[\w%.~+-]+"
    r"|(?<=client_secret=)[^\s&#\"']+"
    r"|(?i:(?<=Bearer )|(?<=Bearer%20))[A-Za-z0-9._~+/=-]+"
    r"|(?i:(?<=Basic )|(?<=Basic%20))[A-Za-z0-9+/=_%-]{16,}"
    # up to the last @: a password may contain unescaped / and @; a port is no password
    r"|(?<=://)[^\s\"'<>/:]{0,100}:(?!\d{1,5}/)(?=[^\s\"'<>@]{0,200}+@)[^\s\"'<>]{1,200}(?=@)"
    r"|(?<=://)[^\s\"'<>/@:]{16,200}(?=@)"
    r"|(?<=/p/)\w+|(?<=/card/)[\w=-]+"
    # keys and tokens of clinics' integrations, and the query of /api/oauth/callback
    r"|\bya29\.[\w.-]+|\b1//0[\w-]+|\bGOCSPX-[\w-]+|(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+"
    r"|(?<=ODFHIR )\S+|(?<=[?&]code=)[^\s&#\"']+|(?<=[?&]state=)[^\s&#\"']+"
    r"|(?i:(?:(?:access|refresh)_token|customer_?key|developer_?key)[\\'\"]*\s*[:=,]\s*"
    r"b?[\\'\"]*[^\s\\'\"&]+)"
    # a printed request to or answer from Vapi or Twilio: 'twilioAuthToken': '…'
    r"|(?i:(?:auth_?token|api_?secret|vapi[-_]secret|password)[\\'\"]+\s*[:,]\s*b?[\\'\"]+[^\s\\'\"]+)"
)
REPEATED_EVERY = 60.0  # seconds
_HIDDEN_KEYS = {
    "authorization",
    "password",
    "secret",
    "client_secret",
    "token",
    "auth_token",
    "twilioauthtoken",
    "api_key",
}


Mask = Callable[[str], str]


def hide_secrets(text: str) -> str:
    """`text` with everything masked that may be a key, a token or a password."""
    return _SECRET.sub("***", text)


_PLAIN = (bool, type(None))


class _Masking:
    """Masks the keys and values of an event, as the last step before it is written."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        return {
            self.text(key): "***" if key.lower() in _HIDDEN_KEYS else self._masked(value)
            for key, value in event.items()
        }

    def text(self, text: str) -> str:
        """`text` without secrets and card numbers."""
        return self._mask(hide_secrets(text))

    def _masked(self, value: Any) -> Any:
        """`value` unchanged, or as masked text if it contains a secret."""
        if isinstance(value, _PLAIN):
            return value
        plain = value if isinstance(value, str) else repr(value)
        clean = self.text(plain)
        return value if clean == plain else clean


class MaskingFormatter(logging.Formatter):
    """Formats lines of the standard library's loggers, tracebacks included, and masks them."""

    def __init__(self, mask: Mask) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")
        self._masking = _Masking(mask)

    def format(self, record: logging.LogRecord) -> str:
        """The line, masked."""
        return self._masking.text(super().format(record))


class _LossyStream:
    """A stream of lines that never raises: lines that a full disk or a closed pipe rejects are lost
    and counted.

    The next line that gets through is preceded by `loss_line(count)`, which reports the loss.
    """

    def __init__(self, stream: TextIO, loss_line: Callable[[int], str]) -> None:
        self._stream, self._loss_line = stream, loss_line
        self._lost = 0

    def write(self, line: str) -> None:
        """Write one line, or count it as lost."""
        try:
            notice = f"\n{self._loss_line(self._lost)}\n" if self._lost else ""  # end a torn line
            self._stream.write(notice + line)
            self._stream.flush()
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def flush(self) -> None:
        """Do nothing: `write` flushes each line."""


def configure_log(log_format: str = "console", level: str = "INFO", *, mask: Mask) -> None:
    """Send structlog and the standard library's logging to stderr in one format, through `mask`."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _Masking(mask),
    ]
    last = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )

    def lost(lines: int) -> str:
        event = {"event": "log lines could not be written and were lost", "lines": lines}
        return str(last(None, "error", event | {"level": "error"}))

    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), 20)),
        # a line and its newline in one write: the processes of a pool share a pipe
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _LossyStream(sys.stderr, lost))),
        cache_logger_on_first_use=True,
    )
    if not logging.root.handlers:  # keep the handlers of pytest or of a command
        to_stderr = logging.StreamHandler(sys.stderr)
        to_stderr.setFormatter(MaskingFormatter(mask))
        logging.root.addHandler(to_stderr)


def get_log(name: str) -> Any:
    """A logger for one module."""
    return structlog.get_logger(module=name)


bound = structlog.contextvars.bound_contextvars


class LogThrottle:
    """Throttles lines that a lasting failure would repeat many times a second: lets the first of
    each kind through, then one a minute. Use one per process.
    """

    def __init__(self, every: float = REPEATED_EVERY) -> None:
        self._every = every
        self._logged_at: dict[str, float] = {}

    def is_due(self, kind: str) -> bool:
        """Whether a line of this kind is due now; if so, it counts as logged."""
        now = time.monotonic()
        if now - self._logged_at.get(kind, -self._every) < self._every:
            return False
        self._logged_at[kind] = now
        return True
