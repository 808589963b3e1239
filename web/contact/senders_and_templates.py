"""An account's sender and templates for texts."""

from typing import Annotated, Literal

import falcon
from pydantic import Field

from actions.contact.senders_and_templates import assign_sender, forget_template, write_template
from rules.contact.templates import DEFAULTS
from web.accounts.accounts import account_of
from web.contact.responses import SenderShown, TemplateList, TemplateShown, template_id
from web.http.body import Body, check, read_json
from web.http.fields import Phone
from web.http.guards.auth import caller_of
from web.http.lists import page_of
from web.openapi.openapi import PageQuery, documented


class NewSender(Body):
    """A messaging service or one number of the installation's Twilio account. `registration`: its
    status at the carriers, until it is read from Twilio, which is done at once and daily; texts
    wait while it is known not to be approved.
    """

    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")
    from_number: Phone | None = None
    registration: Literal["approved", "pending", "unregistered", "rejected"] | None = None


class NewTemplate(Body):
    """A text with the placeholders `{clinic}`, `{url}` and `{amount}`. Opt-out instructions are
    added when it has none.
    """

    body: Annotated[str, Field(min_length=1, max_length=800)]


class OneSender:
    """`/api/accounts/{account_id}/sender`"""

    @documented("Accounts", {200: SenderShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """The account's sender."""
        resp.media = SenderShown.of_account(account_of(req, account_id)).document()

    @documented("Accounts", {200: SenderShown}, body=NewSender, auth="operator")
    def on_put(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Set the account's sender. Operators only: a clinic could name another clinic's."""
        caller, account = caller_of(req), account_of(req, account_id)
        caller.need_admin()
        wanted = check(NewSender, read_json(req))
        assign_sender(
            account,
            wanted.messaging_service_sid,
            wanted.from_number,
            caller.actor,
            wanted.registration,
        )
        resp.media = SenderShown.of_account(account).document()


class Templates:
    """`/api/accounts/{account_id}/templates`"""

    @documented("Accounts", {200: TemplateList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Every template: the account's own or the built-in one."""
        account = account_of(req, account_id)
        resp.media = page_of(
            req,
            sorted(DEFAULTS),
            lambda named: TemplateShown.of_account(account, *named).document(),
            template_id,
        )


class OneTemplate:
    """`/api/accounts/{account_id}/templates/{kind}/{language}`"""

    @documented("Accounts", {200: TemplateShown}, body=NewTemplate)
    def on_put(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, kind: str, language: str
    ) -> None:
        """Set the account's own template."""
        account, wanted = account_of(req, account_id), check(NewTemplate, read_json(req))
        write_template(account, kind, language, wanted.body, caller_of(req).actor)
        resp.media = TemplateShown.of_account(account, kind, language).document()

    @documented("Accounts", {200: TemplateShown})
    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, kind: str, language: str
    ) -> None:
        """Return to the built-in template."""
        account = account_of(req, account_id)
        forget_template(account, kind, language, caller_of(req).actor)
        resp.media = TemplateShown.of_account(account, kind, language).document()
