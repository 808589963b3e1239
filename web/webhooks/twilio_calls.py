"""Calls to a number of ours that no receptionist answers: between its purchase and its going live,
after Vapi has released it, and when the URL that should have answered failed.
"""

import falcon

from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from runtime.log import get_log
from web.openapi.openapi import documented
from web.webhooks.twilio_form import escape_xml, signed_form

MESSAGE = "Thank you for calling{clinic}. {why} Please call again later."
NOT_YET = "This line is being set up."
FAILED = "We cannot take your call at the moment."  # Twilio falls back to us when another URL fails

log = get_log("webhooks")


class IncomingCalls:
    """`POST /api/webhooks/twilio/voice`: an incoming call."""

    @documented(
        "Webhooks", {200: None}, problems=("webhook_not_signed", "body_too_large"), auth="signature"
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell the caller that nobody can answer (yet, or at the moment), and hang up."""
        fields = signed_form(req)
        call, error = fields.get("CallSid", "")[:40], fields.get("ErrorCode", "")[:10]
        log.warning("call to a number that no receptionist answers", sid=call, code=error)
        why = FAILED if error else NOT_YET
        message = MESSAGE.format(clinic=_clinic(fields.get("To", "")), why=why)
        resp.content_type = falcon.MEDIA_XML
        resp.text = (
            '<?xml version="1.0" encoding="UTF-8"?><Response>'
            f'<Say language="en-US">{escape_xml(message)}</Say><Hangup/></Response>'
        )


def _clinic(number: str) -> str:
    """The name of the clinic whose line this is, after a space; empty if it is no clinic's."""
    line = PhoneLine.reached_at(number[:20])
    setup = Setup.of(line.account_id) if line is not None else None
    name = (setup.phone_integration_settings.get("businessName") or "") if setup else ""
    return f" {name}" if name else ""
