"""What a process reads once here, and the libraries read for each client, connection or test: the
certificates that httpx trusts; the version of redis-py, from its package's description; and not at
all what no `.env` says of each setting.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import httpx._transports.default as httpx_transports
import redis.utils

from runtime.settings import Settings

_read_certificates = httpx_transports.create_ssl_context
_read_version = redis.utils.get_lib_version


@cache
def _trusted(trust_env: bool, _file: str | None, _folder: str | None) -> Any:
    return _read_certificates(trust_env=trust_env)


def _certificates(verify: Any = True, cert: Any = None, trust_env: bool = True) -> Any:
    """As httpx makes it; what is trusted by default is read once, which takes it longer than all
    else that a usual test does.
    """
    if verify is not True or cert is not None:
        return _read_certificates(verify, cert, trust_env)
    return _trusted(trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def _sources(_settings: Any, **sources: Any) -> tuple[Any, ...]:
    if not Path(".env").exists():
        del sources["dotenv_settings"]
    return tuple(sources.values())


def read_once() -> None:
    """From here on; what this process forks has them already."""
    httpx_transports.create_ssl_context = _certificates
    _certificates()
    redis.utils.get_lib_version = cache(_read_version)
    redis.utils.get_lib_version()
    Settings.settings_customise_sources = _sources  # type: ignore[method-assign,assignment]
