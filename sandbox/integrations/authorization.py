"""An OAuth 2 authorization server: immediate consent, codes with PKCE, tokens, revocation."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from sandbox.integrations.errors import IntegrationError, oauth_error
from sandbox.shared import Shared

CODE_LASTS = 600


@dataclass
class Habits:
    """How the server behaves. `gives_refresh_token`: Google gives none without `prompt=consent`;
    `rotates`: a refresh replaces the refresh token, and using one twice ends the whole grant;
    `said_to_last`: one value, if a token's `expires_in` differs from its real lifetime.
    """

    consents: bool = True
    gives_refresh_token: bool = True
    rotates: bool = False
    lasts: int = 3600
    grants_scopes: bool = True
    said_to_last: list[Any] = field(default_factory=list)


@dataclass
class Authorization:
    """One server's state: clients, pending codes, grants and their tokens."""

    shared: Shared
    name: str
    access_prefix: str
    refresh_prefix: str
    clients: dict[str, str] = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    grants: dict[str, dict[str, Any]] = field(default_factory=dict)
    access: dict[str, list[Any]] = field(default_factory=dict)  # token: [grant, expiry]
    refresh: dict[str, str] = field(default_factory=dict)  # token: grant
    burnt: dict[str, list[Any]] = field(default_factory=dict)  # token: grant, when it was used
    ended: list[dict[str, Any]] = field(default_factory=list)  # grants, how and when they ended

    def consent(self, query: dict[str, str]) -> dict[str, str]:
        """Return the parameters for the callback; raises ``IntegrationError`` for a bad request."""
        if query.get("client_id") not in self.clients:
            raise IntegrationError(400, {"error": "invalid_client"})
        if query.get("response_type") != "code" or not query.get("redirect_uri"):
            raise IntegrationError(400, {"error": "invalid_request"})
        state = {"state": query["state"]} if "state" in query else {}
        if not self.habits.consents:
            return {"error": "access_denied"} | state
        code = f"4/0{self.shared.ids.token(40)}"
        offline = query.get("access_type") == "offline" and "consent" in query.get("prompt", "")
        self.codes[code] = query | {"at": self.shared.now(), "offline": offline}
        return {"code": code} | state

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        """Exchange a code or a refresh token for tokens."""
        self._know(form)
        if form.get("grant_type") == "authorization_code":
            return self._for_code(form)
        if form.get("grant_type") == "refresh_token":
            return self._for_refresh(form.get("refresh_token", ""))
        raise oauth_error("unsupported_grant_type")

    def revoke(self, token: str) -> dict[str, Any]:
        """End the whole grant of a token, as Google does."""
        grant = self.refresh.get(token) or (self.access.get(token) or [""])[0]
        if not grant:
            raise oauth_error("invalid_token")
        self.end(grant, "revoked")
        return {}

    def end(self, grant: str, how: str = "withdrawn", since: float = 0.0) -> None:
        """End a grant, with all its tokens: revoked, withdrawn, or because a refresh token was used
        again, ``since`` seconds after its first use.
        """
        known = self.grants.pop(grant, None)
        if known is not None:
            self.ended.append(known | {"how": how, "at": self.shared.wall(), "since": since})
        self.access = {key: row for key, row in self.access.items() if row[0] != grant}
        self.refresh = {key: row for key, row in self.refresh.items() if row != grant}

    def check(self, header: str) -> dict[str, Any]:
        """Return the grant of a bearer token; raises the 401 of an invalid or expired one."""
        scheme, _, token = header.partition(" ")
        grant, until = self.access.get(token) or ["", 0]
        if scheme != "Bearer" or grant not in self.grants or until <= self.shared.now():
            raise IntegrationError(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        return self.grants[grant]

    def _know(self, form: dict[str, str]) -> None:
        known = self.clients.get(form.get("client_id", ""))
        if known is None or known != form.get("client_secret", ""):
            raise IntegrationError(401, {"error": "invalid_client"})

    def _for_code(self, form: dict[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or asked["at"] + CODE_LASTS < self.shared.now():
            raise oauth_error("invalid_grant")
        same = all(asked.get(name) == form.get(name) for name in ("client_id", "redirect_uri"))
        if not same or challenge(form.get("code_verifier", "")) != asked.get("code_challenge"):
            raise oauth_error("invalid_grant")
        grant = self.shared.ids.new("grant", 12)
        wanted = asked.get("scope", "") if self.habits.grants_scopes else "openid"
        # asks for a refresh token, and is not named among what was granted, as at Microsoft
        granted = " ".join(each for each in wanted.split() if each != "offline_access")
        code = form["code"]
        self.grants[grant] = {"client": form["client_id"], "scope": granted, "code": code}
        gives = self.habits.gives_refresh_token and (asked["offline"] or self.name != "google")
        return self._answer(grant, self._new_refresh(grant) if gives else "")

    def _for_refresh(self, token: str) -> dict[str, Any]:
        if token in self.burnt:
            used, at = self.burnt[token]
            self.end(used, "used again", self.shared.wall() - at)
        grant = self.refresh.get(token)
        if grant is None:
            raise oauth_error("invalid_grant")
        if not self.habits.rotates:
            return self._answer(grant, "")
        self.burnt[token] = [self.refresh.pop(token), self.shared.wall()]
        return self._answer(grant, self._new_refresh(grant))

    def _new_refresh(self, grant: str) -> str:
        token = f"{self.refresh_prefix}{self.shared.ids.token(40)}"
        self.refresh[token] = grant
        return token

    def _answer(self, grant: str, refresh: str) -> dict[str, Any]:
        access = f"{self.access_prefix}{self.shared.ids.token(40)}"
        self.access[access] = [grant, self.shared.now() + self.habits.lasts]
        more = {"refresh_token": refresh} if refresh else {}
        lasts = self.habits.said_to_last[0] if self.habits.said_to_last else self.habits.lasts
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": lasts,
            "scope": self.grants[grant]["scope"],
        } | more


def challenge(verifier: str) -> str:
    """Return the PKCE challenge of a verifier, by S256."""
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
