"""The API's answers about contact, as models."""

from datetime import datetime
from typing import Literal

from web.openapi.openapi import Shown

ChannelName = Literal["sms", "voice"]


class AdviceShown(Shown):
    """What to do about a text that did not arrive. `then` is for programs."""

    then: str
    text: str


class MessageShown(Shown):
    """A text. `status`: waiting, sending, unknown (in doubt), refused, or Twilio's status."""

    id: str
    invoice: str | None
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


class MessageList(Shown):
    """A page of the texts of an invoice, oldest first."""

    data: list[MessageShown]
    has_more: bool


class ConsentShown(Shown):
    """A consent. It applies to its phone number only."""

    id: str
    customer: str
    phone: str
    channels: list[ChannelName]
    source: str
    text: str
    text_version: str
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


class DecisionShown(Shown):
    """A decision of the contact gate, and why."""

    id: str
    invoice: str | None
    channel: ChannelName
    phone: str | None
    allowed: bool
    code: str
    reason: str
    until: datetime | None
    next_allowed_at: datetime | None
    effect: str | None
    at: datetime


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
    type: Literal["consent", "optOut", "decision", "message"]
    at: datetime
    consent: ConsentShown | None = None
    opt_out: OptOutShown | None = None
    decision: DecisionShown | None = None
    message: MessageShown | None = None


class ContactLedgerShown(Shown):
    """A page of everything about contact with a person, oldest first, and their current status."""

    phone: str | None
    sms: ChannelStanding
    voice: ChannelStanding
    data: list[LedgerEntry]
    has_more: bool


class SenderShown(Shown):
    """An account's sender. `shared`: it has none of its own, so the installation's is used."""

    account: str
    provider: str
    messaging_service_sid: str | None
    from_number: str | None
    shared: bool
    ready: bool


class TemplateShown(Shown):
    """One template; `own` when the account wrote it. `example` is a rendered text with its
    segments.
    """

    id: str
    kind: str
    language: str
    body: str
    own: bool
    example: str
    encoding: str
    segments: int


class TemplateList(Shown):
    """A page of the templates of an account, by kind and language."""

    data: list[TemplateShown]
    has_more: bool
