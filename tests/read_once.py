"""Caches, for a whole process, what libraries read for each client, connection or test: httpx's
certificates; redis-py's version, from its package metadata; the arguments of falcon's handlers; and
settings, read directly by their names.
"""

import os
from functools import cache
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import falcon.util.misc
import httpx._transports.default as httpx_transports
import redis.utils
from pydantic import BaseModel

from runtime.settings import Settings

_read_certificates = httpx_transports.create_ssl_context
_read_version = redis.utils.get_lib_version
_read_arguments = falcon.util.misc.get_argnames
_read_settings = Settings.__init__
_known: dict[tuple[FunctionType, bool], list[str]] = {}


@cache
def _trusted(trust_env: bool, _file: str | None, _folder: str | None) -> Any:
    return _read_certificates(trust_env=trust_env)


def _certificates(verify: Any = True, cert: Any = None, trust_env: bool = True) -> Any:
    """Create httpx's SSL context; the default one is cached, because creating it takes longer than
    the rest of a typical test.
    """
    if verify is not True or cert is not None:
        return _read_certificates(verify, cert, trust_env)
    return _trusted(trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def _arguments(function: Any) -> list[str]:
    if not isinstance(function, FunctionType | MethodType):
        return _read_arguments(function)
    # not the bound method, which would keep its application alive
    key = getattr(function, "__func__", function), isinstance(function, MethodType)
    if key not in _known:
        _known[key] = _read_arguments(function)
    return [*_known[key]]


def _read_quickly(settings: Any, **given: Any) -> None:
    """Read the settings without pydantic's sources.

    Pydantic builds four sources and asks each for every setting; ours are plain values that only
    the environment sets.
    """
    if given or Path(".env").exists():
        _read_settings(settings, **given)
        return
    told = {name.lower(): value for name, value in os.environ.items() if value}
    named = Settings.model_fields.keys() & told.keys()
    BaseModel.__init__(settings, **{name: told[name] for name in named})


def read_once() -> None:
    """Install the caches in this process, for it and its forks."""
    httpx_transports.create_ssl_context = _certificates
    _certificates()
    redis.utils.get_lib_version = cache(_read_version)
    redis.utils.get_lib_version()
    falcon.util.misc.get_argnames = _arguments
    Settings.__init__ = _read_quickly  # type: ignore[method-assign,assignment]
