"""Twilio's reports on ports. A report is only a hint: the port itself is read from Twilio."""

import falcon

from actions.deployment.numbers.ports import stage_port_check
from models.transactions import transaction
from runtime.log import get_log
from web.openapi.openapi import documented
from web.webhooks.twilio_form import signed_report

LONGEST = 40  # characters of an id or a number

log = get_log("webhooks")


class PortReports:
    """`POST /api/webhooks/twilio/porting`: a port has changed."""

    @documented(
        "Webhooks", {204: None}, problems=("webhook_not_signed", "body_too_large"), auth="signature"
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make the deployment check its port."""
        fields = signed_report(req)
        port, number = _word(fields, "port_in_request_sid"), _word(fields, "phone_number")
        with transaction():
            is_ours = stage_port_check(port, number)
        log.info("port reported", port=port, status=_word(fields, "status"), ours=is_ours)
        resp.status = falcon.HTTP_204


def _word(fields: dict[str, str], name: str) -> str:
    return fields.get(name, "")[:LONGEST]
