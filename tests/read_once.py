"""What a process reads once here, and the libraries read for each client, connection or test: the
certificates that httpx trusts; the version of redis-py, from its package's description; how each
setting is named in the environment, and of what type it is; and not at all what no `.env` says of
it.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx._transports.default as httpx_transports
import redis.utils
from pydantic_settings import EnvSettingsSource

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


def _once_for_each_field(method: Callable[..., Any]) -> Callable[..., Any]:
    """`method` of a source of settings, which says the same of a field whatever the environment."""
    said: dict[Any, tuple[Any, Any]] = {}

    def asked(source: Any, field: Any, *more: Any) -> Any:
        key = (source.settings_cls, id(field), *more)
        if key not in said:
            said[key] = method(source, field, *more), field  # which stays, and with it its id
        return said[key][0]

    return asked


def read_once() -> None:
    """From here on; what this process forks has them already."""
    httpx_transports.create_ssl_context = _certificates
    _certificates()
    redis.utils.get_lib_version = cache(_read_version)
    redis.utils.get_lib_version()
    for name in ("_extract_field_info", "_field_is_complex"):
        setattr(EnvSettingsSource, name, _once_for_each_field(getattr(EnvSettingsSource, name)))
    Settings.settings_customise_sources = _sources  # type: ignore[method-assign,assignment]
