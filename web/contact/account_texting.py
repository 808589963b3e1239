"""An account's sender and templates for texts."""

from typing import Annotated, Any

import falcon
from pydantic import Field

from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from models.contact.account_sender import AccountSender, sender_of
from models.contact.message_template import MessageTemplate, template_for
from rules.templates import DEFAULTS, KINDS, STOP_LINES, faults_of, render
from runtime.clock import real_now
from web.accounts.accounts import find_account
from web.contact.answers import SenderShown, TemplateList, TemplateShown
from web.http.auth import caller_of
from web.http.body import Body, check, read_json
from web.http.fields import Phone
from web.http.lists import page_of
from web.http.problems import Problem
from web.openapi.openapi import PageQuery, documented


class NewSender(Body):
    """A messaging service or one number of the installation's Twilio account."""

    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")
    from_number: Phone | None = None


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
        resp.media = _show_sender(find_account(req, account_id))

    @documented("Accounts", {200: SenderShown}, body=NewSender, auth="operator")
    def on_put(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Set the account's sender. Operators only: a clinic could name another clinic's."""
        caller = caller_of(req)
        account = find_account(req, account_id)
        if not caller.operator:
            raise Problem("forbidden", "Only an operator's key may set the sender.")
        wanted = check(NewSender, read_json(req))
        if (wanted.messaging_service_sid is None) == (wanted.from_number is None):
            raise Problem(
                "invalid",
                "Give either a messagingServiceSid or a fromNumber.",
                [{"field": "messagingServiceSid", "message": "or fromNumber"}],
            )
        with transaction():
            sender = AccountSender.assign(
                account, wanted.messaging_service_sid, wanted.from_number, real_now()
            )
            named = sender.messaging_service_sid or sender.from_number
            AuditEntry.record(
                caller.actor, "sender.assigned", f"account:{account.id}", account.id, sender=named
            )
        resp.media = _show_sender(account)


def _show_sender(account: Account) -> dict[str, Any]:
    own = AccountSender.get_or_none(AccountSender.account == account.id)
    used = sender_of(account.id)
    return {
        "account": account.id,
        "provider": "twilio",
        "messagingServiceSid": used.get("MessagingServiceSid"),
        "fromNumber": used.get("From"),
        "shared": own is None,
        "ready": bool(used),
    }


class Templates:
    """`/api/accounts/{account_id}/templates`"""

    @documented("Accounts", {200: TemplateList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Every template: the account's own or the built-in one."""
        account = find_account(req, account_id)
        resp.media = page_of(
            req, sorted(DEFAULTS), lambda named: _show_template(account, *named), _template_id
        )


class OneTemplate:
    """`/api/accounts/{account_id}/templates/{kind}/{language}`"""

    @documented("Accounts", {200: TemplateShown}, body=NewTemplate)
    def on_put(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, kind: str, language: str
    ) -> None:
        """Set the account's own template."""
        caller = caller_of(req)
        account = find_account(req, account_id)
        _check_known(kind, language)
        wanted = check(NewTemplate, read_json(req))
        faults = faults_of(kind, wanted.body)
        if faults:
            raise Problem(
                "invalid",
                "; ".join(faults),
                [{"field": "body", "message": fault} for fault in faults],
            )
        with transaction():
            MessageTemplate.write(account.id, language, kind, wanted.body, real_now())
            AuditEntry.record(
                caller.actor,
                "template.written",
                f"account:{account.id}",
                account.id,
                kind=kind,
                language=language,
            )
        resp.media = _show_template(account, kind, language)

    @documented("Accounts", {200: TemplateShown})
    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, account_id: str, kind: str, language: str
    ) -> None:
        """Return to the built-in template."""
        account = find_account(req, account_id)
        _check_known(kind, language)
        with transaction():
            MessageTemplate.forget(account.id, language, kind)
            AuditEntry.record(
                caller_of(req).actor,
                "template.forgotten",
                f"account:{account.id}",
                account.id,
                kind=kind,
                language=language,
            )
        resp.media = _show_template(account, kind, language)


def _check_known(kind: str, language: str) -> None:
    if kind not in KINDS or language not in STOP_LINES:
        known = f"kinds are {', '.join(KINDS)}; languages {', '.join(STOP_LINES)}"
        raise Problem("not_found", f"There is no template {kind[:20]} in {language[:20]}: {known}.")


def _template_id(named: tuple[str, str]) -> str:
    """A template's id: how its own address goes on after that of the list."""
    return "/".join(named)


def _show_template(account: Account, kind: str, language: str) -> dict[str, Any]:
    body, _ = template_for(account.id, kind, language)
    example = render(
        body,
        language,
        {
            "clinic": account.name,
            "url": "https://pay.example/p/0123456789abcdef",
            "amount": "$120.00",
        },
    )
    return {
        "id": _template_id((kind, language)),
        "kind": kind,
        "language": language,
        "body": body,
        "own": body != DEFAULTS[kind, language],
        "example": example.body,
        "encoding": example.encoding,
        "segments": example.segments,
    }
