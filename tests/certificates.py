"""The certificates that an HTTP client trusts, read once per process and not once per client."""

import os
from functools import cache
from typing import Any

import httpx._transports.default as httpx_transports

_read_certificates = httpx_transports.create_ssl_context


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


def read_once() -> None:
    """From here on; what this process forks has them already."""
    httpx_transports.create_ssl_context = _certificates
    _certificates()
