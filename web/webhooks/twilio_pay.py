"""Twilio's reports on a card being typed on the keypad during a call."""

import falcon

from actions.calling.keypad import record_step_report
from models.transactions import retry_on_conflict
from runtime.log import get_log
from web.openapi.openapi import documented
from web.webhooks.twilio_form import signed_form

log = get_log("webhooks")


class KeypadReports:
    """`POST /api/webhooks/twilio/pay?session=…&step=…`"""

    @documented(
        "Webhooks", {204: None}, problems=("webhook_not_signed", "body_too_large"), auth="signature"
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Process what was typed or mistyped, or the resulting payment method, which is then
        charged.

        A repeated report gets the same answer.
        """
        fields = signed_form(req)
        session, step = req.get_param("session") or "", req.get_param("step") or ""
        charging = retry_on_conflict(lambda: record_step_report(session, step, fields))
        log.info("keypad reported", capture=fields.get("Capture", ""), result=fields.get("Result"))
        if charging is not None:
            charging.perform()
        resp.status = falcon.HTTP_204
