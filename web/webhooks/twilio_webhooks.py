"""Twilio's door: people's answers, and what became of our texts. What they mean commits before
Twilio is answered.
"""

import json
import re

import falcon
from structlog.contextvars import bind_contextvars

from actions.contact.opt_out.record_wish import accounts_told, record_wish, service_meant
from actions.contact.record_text_report import message_of, record_text_report
from actions.people.hear_reply import hear_reply
from actions.people.in_order import lock_people_at
from models.accounts.account import Account
from models.books.inbox_event import InboxEvent
from models.contact.account_sender import accounts_of_sender
from models.contact.message import Message
from models.contact.message_template import template_for
from models.contact.work_item import WorkItem
from models.transactions import again_if_it_gave_way, transaction
from rules.cards.card_numbers import redact
from rules.contact.opt_out.words import language_of_help, wish_of
from rules.contact.templates import render
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.log import get_log
from web.http.problems import Problem
from web.openapi.openapi import documented
from web.webhooks.twilio_form import in_xml, signed_form

PROVIDER = "twilio"
SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
BY_TWILIO = {"STOP": "stop", "START": "start", "HELP": "help"}

log = get_log("webhooks")


def _checked_sid(fields: dict[str, str]) -> str:
    sid = fields.get("MessageSid", "")
    if not SID.fullmatch(sid):
        raise Problem("bad_request", "The signature is valid, but the form names no message.")
    bind_contextvars(event_id=sid)
    return sid


class IncomingMessages:
    """`POST /api/webhooks/twilio/messages`: a text that came in."""

    @documented(
        "Webhooks", {200: None}, problems=("webhook_not_signed", "body_too_large"), auth="signature"
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Store the text and any opt-out in it. Twilio itself confirms a STOP, so we do not reply
        to one.
        """
        fields = signed_form(req)
        sid, body = _checked_sid(fields), redact(fields.get("Body", ""))
        wish = BY_TWILIO.get(fields.get("OptOutType", "")) or wish_of(body)
        again_if_it_gave_way(lambda: _keep_text(sid, fields | {"Body": body}, wish))
        killpoint("web.after_commit")
        log.info("text received", wish=wish)
        resp.content_type = falcon.MEDIA_XML
        resp.text = _help(fields) if wish == "help" and "OptOutType" not in fields else EMPTY


def _keep_text(sid: str, fields: dict[str, str], wish: str) -> None:
    with transaction():
        _take_text_in(sid, fields, wish)
        killpoint("web.before_commit")


def _take_text_in(sid: str, fields: dict[str, str], wish: str) -> None:
    now = real_now()
    inbox_id = InboxEvent.receive(PROVIDER, "", sid, "message.received", json.dumps(fields), now)
    if inbox_id is None:
        return
    accounts: list[str] = []
    told: list[str] = []
    is_heard = wish not in {"start", "help"}
    if is_heard:  # whatever else is said may place holds
        told = _accounts_told(fields)
        lock_people_at(fields.get("From", ""), told)
    if wish in {"stop", "start"}:
        accounts = record_wish(
            wish,
            fields.get("From", ""),
            fields.get("To", ""),
            fields.get("MessagingServiceSid", ""),
            fields["Body"],
            sid,
        )
    items = _hear(fields, sid, accounts or told, wish == "stop") if is_heard else []
    reason = f"{wish or 'no wish'}, heard for {len(accounts)} accounts"
    if items:
        reason += f"; {items[0].context['class'].replace('_', ' ')}: {len(items)} work items"
    InboxEvent.get_by_id(inbox_id).record_outcome(
        "applied" if wish or items else "ignored", now, reason=reason
    )


def _accounts_told(fields: dict[str, str]) -> list[str]:
    """Whom a text concerns, besides who is found for a wish alone."""
    phone, number = fields.get("From", ""), fields.get("To", "")
    service = service_meant(number, fields.get("MessagingServiceSid", ""))
    return accounts_told(phone, number, service)


def _hear(
    fields: dict[str, str], sid: str, accounts: list[str], has_stopped: bool
) -> list[WorkItem]:
    """The work items of what else was said."""
    phone, number = fields.get("From", ""), fields.get("To", "")
    service = service_meant(number, fields.get("MessagingServiceSid", ""))
    return hear_reply(phone, number, service, fields["Body"], sid, accounts, has_stopped)


def _help(fields: dict[str, str]) -> str:
    """An answer to HELP in the clinic's words, when the sender is one clinic's; Twilio's service
    answers otherwise.
    """
    owners = accounts_of_sender(fields.get("MessagingServiceSid", ""), fields.get("To", ""))
    if len(owners) != 1:
        return EMPTY
    account = Account.get_by_id(owners[0])
    template, language = template_for(account.id, "help", language_of_help(fields.get("Body", "")))
    text = render(template, language, {"clinic": account.name}).body
    return (
        '<?xml version="1.0"'
        f' encoding="UTF-8"?><Response><Message>{in_xml(text)}</Message></Response>'
    )


class MessageStatuses:
    """`POST /api/webhooks/twilio/message-status?effect=…`: what became of a text of ours."""

    @documented(
        "Webhooks", {204: None}, problems=("webhook_not_signed", "body_too_large"), auth="signature"
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Record a status report: in any order, any number of times, even before Twilio's answer to
        our own request is stored.
        """
        fields = signed_form(req)
        sid, status, code = (
            _checked_sid(fields),
            fields.get("MessageStatus", ""),
            fields.get("ErrorCode", ""),
        )
        report, effect_id = f"{sid}:{status}:{code}", req.get_param("effect") or ""
        new = again_if_it_gave_way(lambda: _keep_report(report, effect_id, fields))
        log.info("text reported", status=status, code=code, duplicate=not new)
        resp.status = falcon.HTTP_204


def _keep_report(report: str, effect_id: str, fields: dict[str, str]) -> bool:
    kind, text = f"message.{fields.get('MessageStatus', '')}", json.dumps(fields)
    with transaction():
        inbox_id = InboxEvent.receive(PROVIDER, "", report, kind, text, real_now())
        if inbox_id is not None:
            _take_in(InboxEvent.get_by_id(inbox_id), effect_id, fields)
        killpoint("web.before_commit")
    return inbox_id is not None


def _take_in(event: InboxEvent, effect_id: str, fields: dict[str, str]) -> None:
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
    told = record_text_report(
        message, fields.get("MessageStatus", ""), sid, fields.get("ErrorCode", ""), now
    )
    event.record_outcome("applied" if told else "unchanged", now, invoice_id=message.invoice_id)
