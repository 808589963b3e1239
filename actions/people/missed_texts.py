"""Take in inbound texts from Twilio's list that no webhook delivered."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache, partial

from peewee import InterfaceError, OperationalError
from structlog.contextvars import bound_contextvars

from actions.contact.sender_registrations import senders_in_use
from actions.people.receive_text import PROVIDER, keyword_in, receive_text
from models.books.inbox_event import InboxEvent
from models.contact.account_sender import AccountSender
from models.contact.message import Message
from models.contact.opt_out import OptOut, person_key
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.deployment.phone_line import PhoneLine
from models.transactions import retry_on_conflict, serialize_on, transaction
from providers.errors import ProviderError, none_if_missing
from providers.twilio.messages import InboundText, fetch_inbound, fetch_message, list_texts_from
from providers.twilio.refusals import NOT_FOUND
from providers.twilio.registrations import numbers_in
from rules.cards.card_numbers import redact
from rules.contact.channel_address import without_channel
from rules.contact.opt_out.words import keyword_of
from runtime.clock import real_now
from runtime.log import get_log
from runtime.settings import get_settings

BY_TEXT = "inbound_sms"  # the source of an opt-out sent by text
# a text may be listed this much later than one that was sent after it
OUT_OF_ORDER = timedelta(hours=1)
AT_ONCE = 50  # texts taken in by one attempt, each in a transaction of its own

log = get_log("webhooks")


def can_receive_texts() -> bool:
    """Whether any number can receive texts: Twilio is set up, and an account has a sender or a
    number.
    """
    settings = get_settings()
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        return False
    return bool(senders_in_use("", 1)) or PhoneLine.has("holds_slot AND twilio_sid IS NOT NULL")


def receive_missed_texts(texts: Sequence[InboundText]) -> bool:
    """Take in those of `texts` (newest first) that are new and were sent to us, oldest first. One
    that fails is logged and gets a job of its own. Returns whether some are left for another
    attempt. Called outside a transaction.

    Raises ProviderError while Twilio is down.
    """
    sids = [each.sid for each in texts]
    left_out = StagedJob.name == "take_missed_text", StagedJob.key << sids
    known = InboxEvent.stored(PROVIDER, sids)
    known |= {job.key for job in StagedJob.select(StagedJob.key).where(*left_out)}
    numbers = cache(_numbers_in)
    missed = 0
    unasked: ProviderError | None = None
    for each in reversed(texts):
        try:
            service = None if each.sid in known else _service(each, numbers)
        except ProviderError as error:  # for this text's service; texts of known services go on
            unasked = error
            continue
        if service is None:
            continue
        missed += 1
        if missed > AT_ONCE:
            break
        with bound_contextvars(event_id=each.sid):
            if not _worked(partial(_take, each, service)):
                with transaction():
                    stage("take_missed_text", each.sid, each.sid, fair_to="")
    if unasked is not None:
        raise unasked
    return missed > AT_ONCE


def receive_failed_text(sid: str) -> None:
    """Take in a text that was left out of its page. Called outside a transaction. Raises the error
    with which it fails, or ProviderError while Twilio is down.
    """
    text = none_if_missing(NOT_FOUND, fetch_inbound, sid)
    service = None if text is None else _service(text, cache(_numbers_in))
    if text is None or service is None:
        return
    retry_on_conflict(partial(_take, text, service))
    apply_late_stops(list_texts_from(text.sender, text.created_at - OUT_OF_ORDER))


def apply_late_stops(texts: Sequence[InboundText]) -> None:
    """Put in force a STOP that was sent after a START but recorded before it, unless another START
    followed: a webhook does not carry the time at which a text was sent.

    `texts` is a page, newest first. Called outside a transaction, because Twilio is asked about a
    STOP on another page. Raises ProviderError.
    """
    said = [(each, keyword_of(each.body)) for each in texts]
    begun_again: set[tuple[str, str]] = set()
    for place, (stop, wish) in enumerate(said):
        if wish == "start":
            begun_again.add((stop.sender, stop.to))
        if wish != "stop" or (stop.sender, stop.to) in begun_again:
            continue
        starts = [
            each.sid
            for each, wished in said[place + 1 :]
            if wished == "start"
            and each.sender == stop.sender
            and each.created_at <= stop.created_at
        ]
        if starts:
            retry_on_conflict(partial(_apply_late_stop, stop, starts))
    page = {each.sid for each in texts}
    for each, wish in said:
        if wish == "start":
            _apply_late_stop_of_another_page(each, page)


def _apply_late_stop(stop: InboundText, starts: list[str]) -> None:
    """Record a STOP again wherever one of these STARTs, sent before it, was recorded after it."""
    phone = without_channel(stop.sender)
    with transaction():
        serialize_on(person_key(phone))
        marks = ", ".join("?" for _ in starts)
        older = OptOut.all(f"phone = ? AND reference IN ({marks})", phone, *starts)
        stops = OptOut.all("phone = ? AND reference = ? ORDER BY at, id", phone, stop.sid)
        for row in {(each.account_id, each.sender): each for each in stops}.values():
            heard = [each.at for each in older if _is_to_same(each, row) and each.at >= row.at]
            if heard:
                _stop_again(row, max(heard))


def _apply_late_stop_of_another_page(start: InboundText, page: set[str]) -> None:
    phone = without_channel(start.sender)
    for row in OptOut.all("phone = ? AND reference = ?", phone, start.sid):
        stop = _last_heard_before(row)
        if stop is None or stop.at < start.created_at or stop.reference in page:
            continue
        if _said_at(stop) >= start.created_at:
            retry_on_conflict(partial(_stop_again_after, row))


def _last_heard_before(start: OptOut) -> OptOut | None:
    """The STOP recorded just before this START, if the START is the last wish recorded for its
    recipient.
    """
    heard = [
        each
        for each in OptOut.all("phone = ? ORDER BY at DESC, id DESC", start.phone)
        if _is_to_same(start, each)
    ]
    if len(heard) < 2 or heard[0].id != start.id or heard[1].wish != "stop":  # noqa: PLR2004
        return None
    return heard[1]


def _said_at(stop: OptOut) -> datetime:
    """When the STOP was sent according to Twilio, or else when it was recorded."""
    heard_at: datetime = stop.at
    if stop.source != BY_TEXT or not stop.reference:
        return heard_at
    try:
        return fetch_message(stop.reference).created_at or heard_at
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        return heard_at


def _stop_again_after(start: OptOut) -> None:
    with transaction():
        serialize_on(person_key(start.phone))
        stop = _last_heard_before(start)
        if stop is not None:
            _stop_again(stop, start.at)


def _stop_again(stop: OptOut, after: datetime) -> None:
    OptOut.record(
        stop.account_id,
        stop.phone,
        "stop",
        stop.channels,
        sender=stop.sender,
        words=stop.words,
        source=stop.source,
        reference=stop.reference,
        recorded_by=stop.recorded_by,
        at=after + timedelta(microseconds=1),
    )


def _is_to_same(start: OptOut, stop: OptOut) -> bool:
    return start.account_id == stop.account_id and (
        stop.account_id is not None or start.sender == stop.sender
    )


def _worked(take: Callable[[], None]) -> bool:
    """Whether a text was taken in. Its own error is logged, and does not block other texts."""
    try:
        retry_on_conflict(take)
    except (OperationalError, InterfaceError):
        raise  # the database is down, so the next text would fail too
    except Exception:
        log.exception("text not taken in")
        return False
    return True


def _take(text: InboundText, service: str) -> None:
    fields = {
        "MessageSid": text.sid,
        "AccountSid": text.account_sid,
        "From": without_channel(text.sender),
        "To": without_channel(text.to),
        "Body": redact(text.body),
        "NumMedia": text.media,
        "DateCreated": text.created_at.isoformat(),
    } | ({"MessagingServiceSid": service} if service else {})
    wish = keyword_in(fields)
    with transaction():
        is_new = receive_text(fields, wish, min(text.created_at, real_now()))
    if is_new:
        log.warning("text found that no webhook brought", wish=wish)


def _service(text: InboundText, numbers: Callable[[str], frozenset[str]]) -> str | None:
    """The messaging service by which a text reached us, "" for a number without one, or None if the
    text was sent to another user of the same Twilio account.

    Twilio's list does not always name the service that a number is in; `numbers` returns the
    numbers of a service.
    """
    number, shared = without_channel(text.to), get_settings().twilio_messaging_service_sid or ""
    texted_by = Message.senders_texting(without_channel(text.sender))
    ours = {shared, *texted_by} - {""}
    if text.service in ours or AccountSender.has("messaging_service_sid = ?", text.service):
        return text.service
    if number in ours or AccountSender.has("from_number = ?", number):
        return text.service
    line = PhoneLine.reached_at(number)
    if text.service or not number.startswith("+"):  # an agent's name identifies no account
        return text.service if line is not None or (texted_by and not text.service) else None
    own = AccountSender.one("account_id = ?", line.account_id) if line is not None else None
    asked = {*ours, (own and own.messaging_service_sid) or ""}
    services = sorted(each for each in asked if each.startswith("MG"))
    found = next((each for each in services if number in numbers(each)), None)
    return "" if found is None and line is not None else found


def _numbers_in(service: str) -> frozenset[str]:
    numbers = none_if_missing(NOT_FOUND, numbers_in, service) or ()
    return frozenset(each["phone_number"] for each in numbers)
