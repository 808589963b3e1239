"""The API's answers about contact, as models."""

from datetime import datetime
from typing import Any, Literal, Self

from models.accounts.account import Account
from models.contact.account_sender import AccountSender, sender_of
from models.contact.message_template import template_for
from models.contact.sender_registration import SenderRegistration
from rules.contact.delivery_failures import ADVICE, Advice, advice_for
from rules.contact.templates import DEFAULTS, links_of, render
from rules.contact.text_status import FAILED
from web.calling.responses import CallShown
from web.http.responses import Shown, left_out_if_none

ChannelName = Literal["sms", "voice"]
EXAMPLE_URL = "https://pay.example/p/0123456789abcdef"
EXAMPLE = {
    "url": EXAMPLE_URL,
    "amount": "$120.00",
    "count": "2",
    "links": links_of([("1042", EXAMPLE_URL), ("1043", EXAMPLE_URL)]),
}


class AdviceShown(Shown):
    """What to do about a text that did not arrive. `then` is for programs."""

    then: str
    text: str


class MessageShown(Shown):
    """A text. `status`: waiting, sending, unknown (in doubt), refused, or Twilio's status. One that
    failed or is in doubt carries advice.
    """

    id: str
    invoice_id: str | None
    kind: str
    channel: Literal["sms"]
    to: str
    body: str
    segments: int
    status: str
    code: str | None
    error: str | None
    advice: AdviceShown | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about a text."""
        advice = _advice(row.status, row.error_code or "")
        return super().of(
            row,
            channel="sms",
            code=row.error_code,
            advice=AdviceShown.of(advice) if advice else None,
            **given,
        )


def _advice(status: str, code: str) -> Advice | None:
    """What to do about a text with this status; None unless its code is about delivery."""
    needs_advice = status in FAILED or status == "unknown"
    return advice_for(code) if needs_advice and (code.isdigit() or code in ADVICE) else None


class MessageList(Shown):
    """A page of the texts of an invoice, oldest first."""

    data: list[MessageShown]
    has_more: bool


class ConsentShown(Shown):
    """A consent. It applies to its phone number only."""

    id: str
    customer_id: str
    phone: str
    channels: list[ChannelName]
    source: str
    text: str
    text_version: str
    written: bool
    given_at: datetime
    revoked_at: datetime | None
    revoked_why: str | None
    created_at: datetime


class OptOutShown(Shown):
    """An opt-out (`stop`) or its end (`start`)."""

    id: str
    phone: str
    wish: Literal["stop", "start"]
    channels: list[ChannelName]
    words: str
    source: str
    at: datetime


class HoldShown(Shown):
    """A reason not to contact the customer, until `until` or until it is lifted."""

    id: str
    customer_id: str
    kind: str
    note: str
    until: datetime | None
    created_at: datetime
    lifted_at: datetime | None


class HoldList(Shown):
    """A page of the holds on a customer, newest first."""

    data: list[HoldShown]
    has_more: bool


class DecisionShown(Shown):
    """A decision of the contact gate, and why; `rule` is the policy's entry, if the decision rests
    on one.
    """

    id: str
    invoice_id: str | None
    channel: ChannelName
    phone: str | None
    allowed: bool
    code: str
    reason: str
    rule: str
    until: datetime | None
    next_allowed_at: datetime | None
    effect_id: str | None
    at: datetime

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about a decision."""
        return super().of(row, next_allowed_at=row.next_at, **given)


class SuppressionShown(Shown):
    """Why a number is suppressed for a channel."""

    code: str
    reason: str
    at: datetime


class ChannelStanding(Shown):
    """A person's current status for one channel."""

    consented: bool
    opted_out: bool
    suppressed: SuppressionShown | None


class LedgerEntry(Shown):
    """One entry; the member named by `type` holds it, and has the same id."""

    id: str
    type: Literal["consent", "optOut", "hold", "decision", "message", "call"]
    at: datetime
    consent: ConsentShown | None = left_out_if_none()
    opt_out: OptOutShown | None = left_out_if_none()
    hold: HoldShown | None = left_out_if_none()
    decision: DecisionShown | None = left_out_if_none()
    message: MessageShown | None = left_out_if_none()
    call: CallShown | None = left_out_if_none()


class ContactLedgerShown(Shown):
    """A page of everything about contact with a customer, oldest first, and their current status at
    `phone`: the number they asked to be contacted at, else their own.
    """

    phone: str | None
    sms: ChannelStanding
    voice: ChannelStanding
    data: list[LedgerEntry]
    has_more: bool


class SenderShown(Shown):
    """An account's sender. `shared`: it has none of its own, so the installation's is used.
    `registration`: its status at the carriers, according to Twilio or an operator; null if unknown.
    `registrationCode` and `registrationReason` are Twilio's, with what to do, read at
    `registrationReadAt`.
    """

    account_id: str
    provider: Literal["twilio"]
    messaging_service_sid: str | None
    from_number: str | None
    registration: str | None
    registration_code: str | None
    registration_reason: str | None
    registration_read_at: datetime | None
    shared: bool
    ready: bool

    @classmethod
    def of_account(cls, account: Account) -> Self:
        """The sender of the account's texts."""
        used, own = sender_of(account.id), AccountSender.one("account_id = ?", account.id)
        read = SenderRegistration.of(next(iter(used.values()), ""))
        shared = read.state if read is not None else None
        return cls(
            account_id=account.id,
            provider="twilio",
            messaging_service_sid=used.get("MessagingServiceSid"),
            from_number=used.get("From"),
            registration=own.registration if own is not None else shared,
            registration_code=(read.code or None) if read is not None else None,
            registration_reason=(read.reason or None) if read is not None else None,
            registration_read_at=read.read_at if read is not None else None,
            shared=own is None,
            ready=bool(used),
        )


class TemplateShown(Shown):
    """One template; `own` if the account wrote it. `example` is a rendered text."""

    id: str
    kind: str
    language: str
    body: str
    own: bool
    example: str
    encoding: str
    segments: int

    @classmethod
    def of_account(cls, account: Account, kind: str, language: str) -> Self:
        """The account's template of this kind and language: its own or the built-in one."""
        body, _ = template_for(account.id, kind, language)
        example = render(body, language, EXAMPLE | {"clinic": account.name})
        return cls(
            id=template_id((kind, language)),
            kind=kind,
            language=language,
            body=body,
            own=body != DEFAULTS[kind, language],
            example=example.body,
            encoding=example.encoding,
            segments=example.segments,
        )


def template_id(named: tuple[str, str]) -> str:
    """The id of a template: its kind and language, as in its URL."""
    return "/".join(named)


class TemplateList(Shown):
    """A page of the templates of an account, by kind and language."""

    data: list[TemplateShown]
    has_more: bool
