"""Send the bill of the clinic's carrier to Twilio, and erase it here."""

from actions.deployment.step import Fail, Json, Plan, Run, Skip, StepKind
from actions.deployment.step_effects import open_step_effect, reserve_step_effect
from effects.deployment.twilio.port import PORT_DOCUMENT_UPLOAD
from models.deployment.installation import tagged
from models.deployment.phone_line import PhoneLine
from models.deployment.port_document import PortDocument
from models.effects.effect import Effect

MOVED = "Your number has already moved."
THERE = "The bill is already at Twilio."
MISSING = "Upload a recent bill of your carrier, name it as documentId, and deploy again."


def has_moved(run: Run) -> bool:
    """Whether an earlier deployment already ported the account's number to Twilio."""
    line = PhoneLine.of(run.account.id)
    return line is not None and line.source == "ported" and bool(line.wanted.get("ported"))


def document_of(run: Run) -> PortDocument | None:
    """Return the bill that the clinic has named, if any."""
    named = run.setup.phone_integration_settings.get("documentId", "")
    return PortDocument.one("id = ? AND account_id = ?", named, run.account.id)


def _plan(run: Run, _seen: Json) -> Plan:
    if has_moved(run):
        return Skip(MOVED)
    open_one = open_step_effect(run, PORT_DOCUMENT_UPLOAD)
    if open_one is not None:
        return open_one
    document = document_of(run)
    if document is None or not document.can_be_given:
        return Fail("no_document", "The port request lacks a bill.", MISSING)
    if document.twilio_sid:
        return Skip(THERE)
    request = {"document": document.id, "tag": tagged(run.step.id)}
    why = "the port of the clinic's number"
    return reserve_step_effect(run, PORT_DOCUMENT_UPLOAD, request, why, about=document.id)


def _record(run: Run, effect: Effect, answer: Json) -> Json:
    document = PortDocument.get_by_id(effect.request["document"])
    document.record(run.now, twilio_sid=answer["id"], content=None)
    return {"document": answer["id"]}


PORT_DOCUMENT = StepKind(
    name="port_document",
    saying="Sending your carrier's bill to Twilio...",
    plan=_plan,
    record=_record,
    lasts=False,
)
