"""An OAuth 2 provider: its URLs and how to talk to it; pure.

Google's are built in; others come from the TOML file that OAUTH_PROVIDERS names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Document = dict[str, Any]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ADDRESSES = ("authorize", "token", "revoke", "verify")
_NEEDED = ("authorize", "token", "verify", "scopes", "client_id")
_KNOWN = {*_ADDRESSES, *_NEEDED, "name", "title", "client_secret", "client_auth", "parameters"}
CLIENT_AUTH = ("basic", "post")
# parameters that we set ourselves for each authorization
_OURS = {"client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge"}


class BadProvider(ValueError):
    """A provider in the file is invalid; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class OAuthProvider:
    """`verify` is a URL read to check that a token works; `revoke` may be ''. `parameters` are
    added to each authorization. `client_auth`: how we authenticate to the token endpoint, by a
    header (`basic`) or in the body (`post`); a revocation uses neither unless `revoke_as_client`.
    `needs_refresh_token`: reject tokens without a refresh token, which would be useless after an
    hour.
    """

    name: str
    title: str
    authorize: str
    token: str
    verify: str
    scopes: tuple[str, ...]
    client_id: str
    client_secret: str = field(default="", repr=False)
    revoke: str = ""
    client_auth: str = "basic"
    parameters: tuple[tuple[str, str], ...] = ()
    needs_refresh_token: bool = False
    revoke_as_client: bool = True


def read_providers(document: Document, taken: frozenset[str]) -> list[OAuthProvider]:
    """Parse the providers of a TOML file: tables `[[provider]]`, or one table per name. `taken` are
    reserved names. Raises BadProvider.
    """
    providers = [_read(table) for table in _tables(document)]
    names = [provider.name for provider in providers]
    for name in names:
        if name in taken or names.count(name) > 1:
            raise BadProvider(f"the name {name} is taken; give the provider another one")
    return providers


def _tables(document: Document) -> Iterator[Document]:
    listed = document.get("provider")
    if isinstance(listed, list):
        rest = sorted(set(document) - {"provider"})
        if rest:
            raise BadProvider(f"{', '.join(rest)} is outside [[provider]]; move it into a table")
        yield from listed
        return
    for name, table in document.items():
        if not isinstance(table, dict):
            raise BadProvider(f"{name} is not a table; write [[provider]] above each provider")
        yield {"name": name} | table


def _read(table: Document) -> OAuthProvider:
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadProvider(
            f"{name!r} is not a valid provider name; lower-case letters, digits and _ are accepted"
        )
    unknown = sorted(set(table) - _KNOWN)
    if unknown:
        raise BadProvider(f"{name} has {', '.join(unknown)}, which has no meaning; remove it")
    missing = [key for key in _NEEDED if not table.get(key)]
    if missing:
        raise BadProvider(f"{name} has no {', '.join(missing)}; add it")
    for key in _ADDRESSES:
        _check_address(name, key, table.get(key, ""))
    client_auth = table.get("client_auth", "basic")
    if client_auth not in CLIENT_AUTH:
        raise BadProvider(f"{name}: client_auth is {client_auth!r}; basic and post are accepted")
    return OAuthProvider(
        name=name,
        title=_text(name, "title", table.get("title") or name),
        **{key: table.get(key, "") for key in _ADDRESSES},
        scopes=_scopes(name, table["scopes"]),
        client_id=_text(name, "client_id", table["client_id"]),
        client_secret=_text(name, "client_secret", table.get("client_secret", "")),
        client_auth=client_auth,
        parameters=_parameters(name, table.get("parameters", {})),
    )


def _text(name: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadProvider(f"{name}: {key} is not text; put it in quotation marks")
    return value


def _scopes(name: str, value: Any) -> tuple[str, ...]:
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(scope, str) for scope in listed):
        raise BadProvider(
            f"{name}: scopes is not a list of texts; write it such as ['calendar.read']"
        )
    return tuple(listed)


def _parameters(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BadProvider(
            f"{name}: parameters is not a table of texts; put each in quotation marks"
        )
    if ours := sorted(_OURS & set(value)):
        raise BadProvider(f"{name}: parameters has {', '.join(ours)}, which we set; remove it")
    return tuple(sorted(value.items()))


def _check_address(name: str, key: str, value: Any) -> None:
    """Accept only HTTPS or this machine, because tokens are sent to these URLs."""
    if value == "" and key == "revoke":
        return
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    here = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if (
        not parts.hostname
        or parts.fragment
        or not (parts.scheme == "https" or (here and parts.scheme == "http"))
    ):
        raise BadProvider(f"{name}: {key} is not an https:// address; correct it")
