"""An account with everything that its review page shows."""

import falcon

from actions.deployment.configuration.setup_facts import configured_of
from models.deployment.setup import Setup
from web.accounts.accounts import account_of
from web.deployment.responses import ReviewShown
from web.openapi.openapi import documented


class OneAccount:
    """`/api/accounts/{account_id}`"""

    @documented("Accounts", {200: ReviewShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """The account, for itself and for operators.

        It shows what is configured, what Deploy still needs, and the state of the last deployment.
        """
        account = account_of(req, account_id)
        configured = configured_of(account.id, Setup.of(account.id))
        resp.media = ReviewShown.of_account(account, configured).document()
