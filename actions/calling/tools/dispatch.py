"""The agent's tools: which exist, what each requires, and how a tool call is answered.

A tool is a function from a request to one line of text, which the model reads. It changes rows and
stages jobs in a transaction of its own, and afterwards performs what the caller waits for. A
refusal is raised, and answered in words that reveal nothing the caller may not know.
"""

from collections.abc import Callable
from dataclasses import dataclass

from actions.calling.tools.call import call_of
from actions.calling.tools.caller_requests import record_promise_to_pay, request_human, stop_contact
from actions.calling.tools.debts import get_unpaid_invoice
from actions.calling.tools.link import create_payment_link
from actions.calling.tools.payment import process_phone_payment
from actions.calling.tools.tool_request import ToolRequest
from actions.calling.verification import verify_caller
from actions.integrations.calendar_tool import answer_free_times
from actions.payments.refused_attempts import audit_refused
from models.calling.call import Call
from rules.calling.tool_payloads import Answer, Json, ToolInvocation, Utterance
from rules.calling.tool_replies import (
    CARD_NUMBER,
    NOT_LIVE,
    NOT_OURS,
    NOT_VERIFIED,
    UNKNOWN_TOOL,
    reply_for,
)
from rules.deployment.calendar_tool import FIND_FREE_TIMES
from runtime.errors import Refused
from runtime.log import get_log

log = get_log("tools")


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `verified`: only after `verifyCaller` has verified the caller in this call.
    `after`: also once the call is over, such as for words spoken while hanging up: what can only
    make us stop, wait or ask staff is never too late, and a card number sent with it is ignored.
    """

    run: Callable[[ToolRequest], str]
    verified: bool
    after: bool = False


def _find_free_times(request: ToolRequest) -> str:
    """Free times of the clinic. They reveal nothing about patients, so any caller may ask."""
    return answer_free_times(request.call.account, request.called.arguments)


TOOLS: dict[str, Tool] = {
    "verifyCaller": Tool(verify_caller, verified=False),
    "getUnpaidInvoice": Tool(get_unpaid_invoice, verified=True),
    "createPaymentLink": Tool(create_payment_link, verified=True),
    "processPhonePayment": Tool(process_phone_payment, verified=True),
    "recordPromise": Tool(record_promise_to_pay, verified=True),
    "stopContact": Tool(stop_contact, verified=False, after=True),
    "requestHuman": Tool(request_human, verified=False, after=True),
    FIND_FREE_TIMES: Tool(_find_free_times, verified=False),
}


def answer_tool(
    at_vapi: Json, called: ToolInvocation, heard: Callable[[], tuple[Utterance, ...]]
) -> Answer:
    """Answer one tool call. `at_vapi` is the call as sent by Vapi; `heard` reads what was said in
    it. A refusal is answered, not raised.
    """
    tool = TOOLS.get(called.name)
    if tool is None or not called.id:
        return Answer(UNKNOWN_TOOL, failed=True)
    if called.had_card_number and not tool.after:
        return Answer(CARD_NUMBER, failed=True)
    # read again for each tool call: the previous one may have verified the caller
    call = call_of(at_vapi)
    closed = _closed(call, tool)
    if call is None or closed:
        log.warning("tool not available", tool=called.name, why=closed)
        return Answer(closed, failed=True)
    try:
        return Answer(tool.run(ToolRequest(call, called, at_vapi, heard)))
    except Refused as refused:
        log.info("tool refused", tool=called.name, code=refused.code, call_id=call.id)
        audit_refused(refused)
        return Answer(reply_for(refused.code, refused.detail), failed=True)


def _closed(call: Call | None, tool: Tool) -> str:
    """Why a tool is not available in a call, or "" if it is."""
    if call is None:
        return NOT_OURS
    if not call.is_live and not tool.after:
        return NOT_LIVE
    return NOT_VERIFIED if tool.verified and call.verified_at is None else ""
