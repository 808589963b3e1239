"""Twilio's webhooks for texts: incoming texts, and status reports on ours. Their effect commits
before Twilio is answered.
"""

import json
import re

import falcon
from structlog.contextvars import bind_contextvars

from actions.contact.record_text_report import message_of, record_text_report
from actions.people.receive_text import PROVIDER, keyword_in, receive_text
from models.accounts.account import Account
from models.books.inbox_event import InboxEvent
from models.contact.account_sender import accounts_of_sender
from models.contact.message import Message
from models.contact.message_template import template_for
from models.transactions import retry_on_conflict, transaction
from rules.cards.card_numbers import redact
from rules.contact.opt_out.words import Keyword, language_of_help
from rules.contact.templates import render
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.log import get_log
from web.http.problems import Problem
from web.openapi.openapi import documented
from web.webhooks.twilio_form import escape_xml, signed_form

SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

log = get_log("webhooks")


def _checked_sid(fields: dict[str, str]) -> str:
    sid = fields.get("MessageSid", "")
    if not SID.fullmatch(sid):
        raise Problem("bad_request", "The signature is valid, but the form names no message.")
    bind_contextvars(event_id=sid)
    return sid


class IncomingMessages:
    """`POST /api/webhooks/twilio/messages`: an incoming text."""

    @documented(
        "Webhooks", {200: None}, problems=("webhook_not_signed", "body_too_large"), auth="signature"
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Store the text and any opt-out in it.

        Twilio itself confirms a STOP, so we do not reply to one.
        """
        fields = signed_form(req)
        _checked_sid(fields)
        fields["Body"] = redact(fields.get("Body", ""))
        wish = keyword_in(fields)
        retry_on_conflict(lambda: _store_text(fields, wish))
        killpoint("web.after_commit")
        log.info("text received", wish=wish)
        resp.content_type = falcon.MEDIA_XML
        resp.text = _help(fields) if wish == "help" and "OptOutType" not in fields else EMPTY


def _store_text(fields: dict[str, str], wish: Keyword) -> None:
    with transaction():
        receive_text(fields, wish)
        killpoint("web.before_commit")


def _help(fields: dict[str, str]) -> str:
    """The answer to HELP in the clinic's words, if a single clinic uses the sender; otherwise
    Twilio's service answers.
    """
    owners = accounts_of_sender(fields.get("MessagingServiceSid", ""), fields.get("To", ""))
    if len(owners) != 1:
        return EMPTY
    account = Account.get_by_id(owners[0])
    template, language = template_for(account.id, "help", language_of_help(fields.get("Body", "")))
    text = render(template, language, {"clinic": account.name}).body
    return (
        '<?xml version="1.0"'
        f' encoding="UTF-8"?><Response><Message>{escape_xml(text)}</Message></Response>'
    )


class MessageStatuses:
    """`POST /api/webhooks/twilio/message-status?effect=…`: the status of a text of ours."""

    @documented(
        "Webhooks", {204: None}, problems=("webhook_not_signed", "body_too_large"), auth="signature"
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Record a status report.

        Reports may come in any order, any number of times, even before Twilio's answer to our own
        request is stored.
        """
        fields = signed_form(req)
        sid, status, code = (
            _checked_sid(fields),
            fields.get("MessageStatus", ""),
            fields.get("ErrorCode", ""),
        )
        report, effect_id = f"{sid}:{status}:{code}", req.get_param("effect") or ""
        new = retry_on_conflict(lambda: _store_report(report, effect_id, fields))
        log.info("text reported", status=status, code=code, duplicate=not new)
        resp.status = falcon.HTTP_204


def _store_report(report: str, effect_id: str, fields: dict[str, str]) -> bool:
    kind, text = f"message.{fields.get('MessageStatus', '')}", json.dumps(fields)
    with transaction():
        inbox_id = InboxEvent.receive(PROVIDER, "", report, kind, text, real_now())
        if inbox_id is not None:
            _apply_report(InboxEvent.get_by_id(inbox_id), effect_id, fields)
        killpoint("web.before_commit")
    return inbox_id is not None


def _apply_report(event: InboxEvent, effect_id: str, fields: dict[str, str]) -> None:
    now, sid = real_now(), fields["MessageSid"]
    found = message_of(effect_id, sid)
    if found is None:
        event.record_outcome("unmatched", now, reason="no text of ours")
        return
    message = Message.locked(found.id)
    if message.to != fields.get("To") or (message.sid and message.sid != sid):
        log.error("status report does not match its message", message_id=message.id, sid=sid)
        event.record_outcome(
            "refused",
            now,
            reason=f"{message.id} has another number or another sid",
            invoice_id=message.invoice_id,
        )
        return
    changed = record_text_report(
        message, fields.get("MessageStatus", ""), sid, fields.get("ErrorCode", ""), now
    )
    event.record_outcome("applied" if changed else "unchanged", now, invoice_id=message.invoice_id)
