"""Vapi's webhooks: reports on calls. Their effect commits before Vapi is answered."""

import falcon

from actions.calling.receive import receive_call
from actions.calling.record_call_report import (
    call_of,
    locked_with_invoices,
    record_call_report,
    record_final_report,
)
from models.transactions import retry_on_conflict, transaction
from providers.vapi.calls import REPORT, STATUS, VapiCall, read_message
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.log import get_log
from web.http.responses import Shown
from web.openapi.openapi import documented
from web.webhooks.vapi_body import vapi_body

log = get_log("webhooks")


class CallReported(Shown):
    """The report is stored, or is about no call of ours."""

    received: bool


class VapiWebhook:
    """`POST /api/webhooks/vapi`: status updates, and the report at the end of a call."""

    @documented(
        "Webhooks",
        {200: CallReported},
        problems=("unauthenticated", "body_too_large"),
        auth="signature",
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Record a report on a call.

        It is authenticated by `X-Vapi-Secret`, a bearer token or `X-Signature`. Reports may come in
        any order, any number of times, even before Vapi's answer to our own request is stored.
        """
        kind, report = read_message(vapi_body(req))
        new = False
        if kind in {REPORT, STATUS} and report.id:
            receive_call(report)
            new = retry_on_conflict(lambda: _record(kind, report))
        log.info("call reported", kind=kind[:40], status=report.status, new=new)
        resp.media = CallReported(received=True).document()


def _record(kind: str, report: VapiCall) -> bool:
    with transaction():
        new = _recorded(kind, report)
        killpoint("web.before_commit")
    return new


def _recorded(kind: str, report: VapiCall) -> bool:
    now = real_now()
    found = call_of(report)
    if found is None:
        log.warning("report about an unknown call", vapi_id=report.id[:40])
        return False
    call, invoices = locked_with_invoices(found)
    if kind == REPORT:
        return record_final_report(call, invoices, report, now)
    return record_call_report(call, report, now)
