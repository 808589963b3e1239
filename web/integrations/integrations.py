"""Connecting a calendar or practice software, by consent or by keys, and disconnecting it."""

from typing import Annotated, Any

import falcon
from pydantic import Field

from actions.integrations.connect import (
    begin_authorization,
    disconnect_integration,
    store_credential,
    verify_credential,
)
from actions.integrations.connectors import connector_of, connectors
from models.integrations.integration import Integration
from web.accounts.accounts import account_of
from web.http.body import Body, check
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.integrations.responses import AuthorizationUrl, IntegrationList, IntegrationShown
from web.openapi.openapi import documented

Secret = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[!-~]+$")]
PROBLEMS = ("conflict", "not_configured")


class NewAuthorization(Body):
    """Empty body."""


class GivenCredential(Body):
    """Keys or a token, as `connectWith` of the provider names them: Open Dental takes `customerKey`
    (and `developerKey`, if this installation has none), NexHealth `apiKey`, `subdomain` and
    `locationId`.
    """

    developer_key: Secret | None = None
    customer_key: Secret | None = None
    api_key: Secret | None = None
    subdomain: Secret | None = None
    location_id: Secret | None = None


class Integrations:
    """`/api/accounts/{account_id}/integrations`"""

    @documented("Wizard", {200: IntegrationList}, problems=("not_configured",))
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Every provider, its kind of credential, and whether the account is connected with it."""
        account = account_of(req, account_id)
        shown = [
            IntegrationShown.of_connector(connector, Integration.of(account.id, connector.name))
            for connector in connectors().values()
        ]
        resp.media = IntegrationList(data=shown).document()


class OneIntegration:
    """`/api/accounts/{account_id}/integrations/{provider}`"""

    @documented("Wizard", {200: IntegrationShown}, problems=("not_configured",))
    def on_get(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, provider: str
    ) -> None:
        """One provider, and whether the account is connected with it."""
        account, connector = account_of(req, account_id), connector_of(provider)
        row = Integration.of(account.id, connector.name)
        resp.media = IntegrationShown.of_connector(connector, row).document()

    @documented("Wizard", {204: None})
    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, provider: str
    ) -> None:
        """Disconnect: we stop using the connection, and tell the provider."""
        disconnect_integration(account_of(req, account_id), provider, caller_of(req).actor)
        resp.status = falcon.HTTP_204


class AuthorizeIntegration:
    """`/api/accounts/{account_id}/integrations/{provider}/authorize`"""

    @documented("Wizard", {200: AuthorizationUrl}, body=NewAuthorization, problems=PROBLEMS)
    @idempotent
    def on_post(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        document: Any,
        account_id: str,
        provider: str,
    ) -> None:
        """The URL at which the clinic consents; open it in the clinic's browser.

        No payment is needed.
        """
        account = account_of(req, account_id)
        check(NewAuthorization, document)
        url = begin_authorization(account, provider, caller_of(req).actor)
        resp.media = AuthorizationUrl(url=url).document()


class ConnectIntegration:
    """`/api/accounts/{account_id}/integrations/{provider}/connect`"""

    def prepare(self, req: falcon.Request, document: Any, account_id: str, provider: str) -> None:
        """Verify the credential by a harmless call."""
        account, given = account_of(req, account_id), check(GivenCredential, document)
        values = given.model_dump(by_alias=True, exclude_none=True)
        req.context.verified = verify_credential(account, provider, values)

    @documented(
        "Wizard",
        {200: IntegrationShown},
        body=GivenCredential,
        problems=(*PROBLEMS, "provider_refused", "provider_unavailable"),
    )
    @idempotent
    def on_post(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        document: Any,
        account_id: str,
        provider: str,
    ) -> None:
        """Connect with keys or a token, which are verified by a harmless call and stored encrypted.

        No payment is needed.
        """
        account = account_of(req, account_id)
        row = store_credential(account, provider, req.context.verified, caller_of(req).actor)
        resp.media = IntegrationShown.of_connector(connector_of(provider), row).document()
