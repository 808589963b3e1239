"""Pay by typing a card on the keypad during a call: started by the agent's tool, driven by Twilio's
callbacks, and charged by us with the resulting payment method.

The tool says what to ask the caller for next, and finally the outcome of the charge, so that the
result gets back into the call. No digit of a card reaches us.
"""

import hashlib
import json
from collections.abc import Mapping

from actions.calling.tools.tool_request import ToolRequest
from actions.contact.escalate import open_escalation
from actions.payments.charge import Charge, charge_by_phone
from actions.payments.refused_attempts import attempt_of, record_refused
from delivery.perform_now import perform_now, stage_now, staged_id, take_due
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.delivery.stage import stage
from models.invoices.invoice import Invoice
from models.transactions import transaction
from rules.calling.keypad import (
    CANCEL,
    CHECKING,
    COMPLETE,
    MISTAKES,
    MOST_MISTAKES,
    PIECES,
    PREPARING,
    START,
    SUCCESS,
    failed,
    kept_of_report,
    next_piece,
    waiting,
)
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.log import get_log
from runtime.settings import INTERACTIVE

TOKEN = "pm_"  # noqa: S105 - the prefix of Stripe's payment method ids
MOST_TOKEN = 200  # characters

log = get_log("keypad")


def stage_step(session: KeypadSession, step: str) -> None:
    """Stage a step in the interactive queue: the caller waits."""
    of_step = (session.id, step, session.mistakes)
    key, whose = _key_of(session, step), session.account_id
    stage("enter_card", key, *of_step, fair_to=whose, queue=INTERACTIVE)


def _key_of(session: KeypadSession, step: str) -> str:
    """The key of a step; entering a field again is another step."""
    return f"{session.id}:{step}:{session.mistakes}"


def begin_session(
    request: ToolRequest, invoice: Invoice, call: Call, carrier_id: str
) -> KeypadSession:
    """Begin a session for the locked invoice of the locked call, with the job that starts it at
    Twilio.
    """
    session = _start_ordered(invoice, call, carrier_id) or KeypadSession.begin(
        call, invoice, invoice.outstanding, carrier_id, real_now()
    )
    AuditEntry.record(
        request.actor,
        "keypad.begun",
        f"call:{call.id}",
        call.account_id,
        invoice_id=invoice.id,
        amount=session.amount,
        currency=invoice.currency,
    )
    of_step = (session.id, START, 0)
    stage_now("enter_card", _key_of(session, START), *of_step, fair_to=session.account_id)
    return session


def _start_ordered(invoice: Invoice, call: Call, carrier_id: str) -> KeypadSession | None:
    """Start the session that the clinic has ordered for this invoice, or return None if there is
    none, or the balance has changed.
    """
    session, now = KeypadSession.ordered(call), real_now()
    if session is None or session.invoice_id != invoice.id:
        return None
    if session.amount != invoice.outstanding:
        session.record(now, state="failed", error="balance_changed")
        return None
    session.record(now, state="starting", carrier_id=carrier_id)
    return session


def perform_first_steps(session: KeypadSession) -> str:
    """Perform the first steps now, because the caller waits, and return what the model says
    next.
    """
    perform_now(staged_id("enter_card", _key_of(session, START)))
    with transaction():
        first = take_due("enter_card", _key_of(session, PIECES[0]))
    perform_now(first)
    return reply_for_session(KeypadSession.get_by_id(session.id))


def reply_for_session(session: KeypadSession) -> str:
    """What the model says in the session's present state. Raises Refused if the entry has
    failed.
    """
    if session.state == "starting":
        return PREPARING
    if session.state == "capturing":
        return waiting(session.capturing, session.error)
    if session.state in {"completing", "captured"}:
        return CHECKING
    raise Refused("invalid", failed(session.error))


def record_step_report(session_id: str, step: str, fields: Mapping[str, str]) -> Charge | None:
    """Take in Twilio's report on a session's step. Returns the charge that follows, to be performed
    after the commit. The same report again changes nothing.
    """
    now = real_now()
    kept = json.dumps(kept_of_report(fields), sort_keys=True)
    # digest only what is stored or charged: other card data must not be kept even as a digest
    counted = f"{kept}:{fields.get('PaymentToken', '')[:MOST_TOKEN]}"
    digest = hashlib.sha256(counted.encode()).hexdigest()[:32]
    with transaction():
        event_id = f"pay:{session_id[:60]}:{step[:60]}:{digest}"
        row_id = InboxEvent.receive("twilio", "", event_id, "keypad.report", kept, now)
        if row_id is None:
            return None
        event = InboxEvent.get_by_id(row_id)
        found = KeypadSession.one("id = ?", session_id)
        carrier_id = found.carrier_id if found else ""  # empty if only ordered
        if found is None or not carrier_id or fields.get("CallSid") != carrier_id:
            event.record_outcome("unmatched", now, reason="no keypad session of ours")
            return None
        Invoice.locked(found.invoice_id)
        session = KeypadSession.locked(found.id)
        told = fields.get("Sid") or fields.get("PaymentSid")
        if session.payment_sid and told and told != session.payment_sid:
            event.record_outcome("unmatched", now, reason="another session of the call")
            return None
        charging = _apply_report(session, fields)
        event.record_outcome("applied", now, invoice_id=session.invoice_id)
    return charging


def expire_session(session: KeypadSession) -> None:
    """End an entry that is unchanged since `session` was read, because Twilio has reported nothing
    for long and cannot be asked. A later report charges nothing. If the caller has entered a whole
    card, staff are asked to tell them.
    """
    with transaction():
        invoice = Invoice.locked_with("account", session.invoice_id)
        now = KeypadSession.locked(session.id)
        if not now.is_open or now.updated_at != session.updated_at:
            return
        error = "not_begun" if session.state == "ordered" else "no_report"
        now.record(real_now(), state="failed", error=error, capturing="")
        if now.payment_sid:  # the call may still be going on, with Twilio taking input
            stage_step(now, CANCEL)
        if session.state == "completing":
            context = {"callId": session.call_id, "amount": session.amount}
            open_escalation(
                invoice.account,
                invoice.customer,
                invoice,
                "card_unheard",
                context,
                subject=session.id,
            )


def _apply_report(session: KeypadSession, fields: Mapping[str, str]) -> Charge | None:
    result, error = fields.get("Result", ""), fields.get("ErrorType", "")
    if not session.is_open:
        return None
    if result:
        return _record_result(session, result, fields.get("PaymentToken", ""))
    piece = fields.get("Capture", "")
    if piece != session.capturing or session.state != "capturing":
        return None  # for a field that was captured before
    if error:
        _record_mistake(session, piece, error)
    elif fields.get("PartialResult", "").lower() != "true":
        following = next_piece(fields.get("Required", ""), piece)
        if following in PIECES[: PIECES.index(piece) + 1]:
            _record_mistake(session, following)  # an earlier field is wanted again
        else:
            _advance(session, following)
    return None


def _advance(session: KeypadSession, following: str) -> None:
    state = "completing" if following == COMPLETE else "capturing"
    capturing = "" if following == COMPLETE else following
    session.record(real_now(), state=state, capturing=capturing, error="")
    stage_step(session, following)


def _record_mistake(session: KeypadSession, piece: str, error: str = "") -> None:
    """Ask for a field again, in a step of its own, or fail the entry after too many mistakes."""
    _, is_over = MISTAKES.get(error, ("", False))
    mistakes = session.mistakes + 1
    if is_over or mistakes >= MOST_MISTAKES:
        why = error if is_over else "mistakes"
        session.record(real_now(), state="failed", error=why, mistakes=mistakes)
        stage_step(session, CANCEL)
        return
    session.record(real_now(), capturing=piece, error=error, mistakes=mistakes)
    stage_step(session, piece)


def _record_result(session: KeypadSession, result: str, token: str) -> Charge | None:
    now = real_now()
    if result != SUCCESS or not token.startswith(TOKEN):
        session.record(now, state="failed", error=result if result != SUCCESS else "no_token")
        return None
    session.record(now, state="captured", error="", capturing="")
    invoice = Invoice.locked(session.invoice_id)
    actor = f"call:{session.call_id}"
    attempt = attempt_of(invoice, session.amount, actor)
    if invoice.outstanding != session.amount:
        session.record_charge(None, "balance_changed", now)
        record_refused(attempt, "balance_changed")
        return None
    try:
        charging = charge_by_phone(invoice, None, token, actor, session.call_id)
    except Refused as refused:
        log.info("the card was not charged", session=session.id, code=refused.code)
        session.record_charge(None, "not_charged", now)
        record_refused(attempt, refused.code)
        return None
    session.record_charge(charging.confirmation_id, "", now)
    return charging
