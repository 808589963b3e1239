"""Calls about an invoice: requests for one, and their outcome."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import falcon

from actions.calling.caller_line import caller_line, no_caller_number
from actions.calling.recordings import open_recording
from actions.calling.request_call import call_refusal, pending_call, request_call
from actions.contact.request_text import contact_refused
from actions.invoices.invoices import find_invoice
from delivery.perform_now import perform_all, take_due
from models.calling.call import Call, CallInvoice
from models.calling.outcomes import outcomes_of
from models.contact.contact_decision import ContactDecision
from models.invoices.invoice import Invoice
from runtime.errors import Refused
from web.calling.responses import CallList, CallShown, WholeCallShown
from web.http.body import Body, check
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import page
from web.openapi.openapi import PageQuery, documented

BY_HAND = "a person asked for it"


class CallRequest(Body):
    """Empty body."""


class InvoiceCalls:
    """`/api/invoices/{invoice_id}/calls`"""

    @documented("Calls", {200: CallList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """The calls about the invoice, oldest first."""
        invoice = find_invoice(caller_of(req).own, invoice_id)
        about = CallInvoice.select(CallInvoice.call).where(CallInvoice.invoice == invoice.id)
        rows = Call.select().where(Call.id.in_(about))
        resp.media = page(req, rows, CallShown.show, rows, oldest_first=True, beside=_outcomes)

    @documented(
        "Calls",
        {202: CallShown},
        body=CallRequest,
        problems=("contact_refused", "no_caller_number", "call_in_doubt", "call_under_way"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> DeferredAnswer | None:
        """Call the customer about the invoice.

        202 with the call, which is placed once the contact gate, checked again, allows it; or with
        a call that is already on its way. 422 if the gate refuses it now.
        """
        account, actor = caller_of(req).own, caller_of(req).actor
        check(CallRequest, document)
        find_invoice(account, invoice_id)
        invoice = Invoice.locked_with("account", invoice_id)
        customer = invoice.customer
        if pending_call([invoice], customer) is None:
            if caller_line(account.id) is None:
                raise no_caller_number()
            refused = call_refusal([invoice], customer, actor)
            if refused is not None:
                return DeferredAnswer(refused.id, nothing_to_perform)
        call = request_call([invoice], customer, asked_by=actor, reason=BY_HAND)
        resp.status = falcon.HTTP_202
        resp.set_header("Location", f"/api/calls/{call.id}")
        resp.media = CallShown.show(call)
        return None

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Place the call if no worker has begun to."""
        return partial(perform_all, [take_due("dial_overdue", answer["id"])])

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Return the stored refusal. Raises Problem 422."""
        raise contact_refused(ContactDecision.get_by_id(reference))


class OneCall:
    """`/api/calls/{call_id}`"""

    @documented("Calls", {200: WholeCallShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, call_id: str) -> None:
        """One call, with its transcript."""
        resp.media = WholeCallShown.show(own_call(req, call_id))


class CallRecording:
    """`/api/calls/{call_id}/recording`"""

    @documented("Calls", {302: None}, problems=("provider_unavailable",))
    def on_get(self, req: falcon.Request, resp: falcon.Response, call_id: str) -> None:
        """Redirect to the recording.

        Its short-lived URL is requested from Vapi each time and stored nowhere. 404 for a call that
        was not recorded or is too old.
        """
        address = open_recording(own_call(req, call_id), caller_of(req).actor)
        resp.status = falcon.HTTP_302
        resp.set_header("Location", address)
        resp.set_header("Cache-Control", "no-store")


def _outcomes(calls: Sequence[Call]) -> dict[str, dict[str, str]]:
    return {call_id: {"outcome": outcome} for call_id, outcome in outcomes_of(calls).items()}


def own_call(req: falcon.Request, call_id: str) -> Call:
    """The caller's own call. Raises Refused `not_found`."""
    call = Call.one("id = ? AND account_id = ?", call_id, caller_of(req).own.id)
    if call is None:
        raise Refused("not_found", f"There is no call {call_id[:40]}.")
    return call
