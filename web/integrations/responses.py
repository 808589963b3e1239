"""The API's answers about a clinic's integrations, as models. None contains a key or a token."""

from datetime import datetime
from typing import Any, Literal

from actions.integrations.connector import Connector
from models.integrations.integration import Integration
from web.http.responses import Shown

Credential = Literal["oauth", "key_pair", "token"]
State = Literal["connected", "expired", "revoked"]


class IntegrationShown(Shown):
    """A provider, and the account's connection with it. `state` is null if there never was one;
    `expired` must be connected again. `connectWith`: the fields that `connect` takes; empty if the
    clinic consents at the provider. `found`: what was found there, such as a calendar's name.
    """

    provider: str
    title: str
    credential: Credential
    connect_with: list[str]
    state: State | None
    found: str
    error: str
    verified_at: datetime | None

    @classmethod
    def of_connector(cls, connector: Connector, row: Integration | None) -> "IntegrationShown":
        """The answer about one provider; `row` is the account's newest integration with it."""
        of_row = ("state", "found", "error", "verified_at")
        nothing = {"state": None, "found": "", "error": "", "verified_at": None}
        known: dict[str, Any] = (
            nothing if row is None else {name: getattr(row, name) for name in of_row}
        )
        return cls(
            provider=connector.name,
            title=connector.title,
            credential=connector.kind,
            connect_with=[*connector.fields, *connector.optional],
            **known,
        )


class IntegrationList(Shown):
    """Every provider, connected or not."""

    data: list[IntegrationShown]
    has_more: bool = False


class AuthorizationUrl(Shown):
    """Where the clinic consents: valid for 15 minutes and once. Do not log it."""

    url: str
